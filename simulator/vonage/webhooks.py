"""Vonage's webhooks, of statuses and of texts: their body, their token and when they are sent again."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from simulator.config import CallbackSettings, VonageAccount
from simulator.media import content_type
from simulator.messages import Draft, Message, Receipt
from simulator.provider import Attempt, Callback, Outcome
from simulator.segments import segments
from simulator.signing import vonage_token

_CONNECT: Final = 3.0
_ANSWER: Final = 15.0


def compose(account: VonageAccount, attempt: Attempt) -> Callback | None:
    """The webhook of one status or text; signed again for each attempt."""
    url = attempt.message.draft.webhook_url
    if url is None:
        return None
    message = attempt.message
    told = _text(message) if message.draft.inbound else _body(message, attempt.receipt)
    body = json.dumps(told).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Vonage"}
    receipt = attempt.receipt
    if not (attempt.spoiled and receipt.signature == "missing"):
        forged = attempt.spoiled and receipt.signature == "bad"
        token = vonage_token(
            account.signature_secret + ("?" if forged else ""),
            body=body,
            api_key=account.api_key,
            application_id=account.application_id,
            iat=int(attempt.now) + (receipt.skew if attempt.spoiled else 0),
            jti=f"{attempt.token}:{attempt.number}",
        )
        headers["Authorization"] = f"Bearer {token}"
    return Callback(url, headers, body, _CONNECT, _ANSWER)


def _body(message: Message, receipt: Receipt) -> dict[str, Any]:
    draft = message.draft
    body: dict[str, Any] = {
        "message_uuid": message.id,
        "to": draft.to.removeprefix("+"),
        "from": draft.sender.removeprefix("+"),
        "timestamp": _iso(message.at + receipt.reached),
        "status": receipt.status,
        "channel": draft.channel,
    }
    if draft.client_ref is not None:
        body["client_ref"] = draft.client_ref
    parts = segments(draft.text).parts if draft.channel == "sms" else 1
    if receipt.status == "submitted":
        body["usage"] = {"currency": "EUR", "price": f"{0.0333 * parts:.4f}"}
    else:
        body["destination"] = {"network_code": "12345"}
    if draft.channel == "sms":
        body["sms"] = {"count_total": str(parts)}
    if receipt.code is not None:
        body["error"] = {
            "type": f"https://developer.vonage.com/api-errors/messages#{receipt.code}",
            "title": int(receipt.code),
            "detail": f"The message was refused with {receipt.code}.",
            "instance": message.id,
        }
    return body


def _text(message: Message) -> dict[str, Any]:
    """Source: Vonage, "Messages API: inbound message webhook", version v1."""
    draft = message.draft
    body: dict[str, Any] = {
        "message_uuid": message.id,
        "to": draft.to.removeprefix("+"),
        "from": draft.sender.removeprefix("+"),
        "timestamp": _iso(message.at),
        "channel": draft.channel,
    }
    if draft.media:
        return body | _media(draft)
    parts = segments(draft.text).parts
    keyword = (draft.text.split() or [""])[0].upper()
    return body | {
        "message_type": "text",
        "text": draft.text,
        "sms": {"num_messages": str(parts), "keyword": keyword},
        "usage": {"currency": "EUR", "price": f"{0.0057 * parts:.4f}"},
    }


def _media(draft: Draft) -> dict[str, Any]:
    (url,) = draft.media
    kind, _, form = content_type(url).partition("/")
    word = "vcard" if "vcard" in form else kind if kind in {"image", "audio", "video"} else "file"
    content = {"url": url, "name": url.rpartition("/")[2]}
    return {"message_type": word, word: content | ({"caption": draft.text} if draft.text else {})}


def _iso(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def pause(attempt: Attempt, outcome: Outcome, elapsed: float, settings: CallbackSettings) -> float | None:
    """429, 5xx and no answer at all are tried again, in doubling pauses, for a day."""
    if isinstance(outcome, int) and outcome != 429 and outcome < 500:
        return None
    doubled = settings.vonage_first_pause_seconds * 2.0 ** min(attempt.number - 1, 32)
    wait = min(doubled, settings.vonage_longest_pause_seconds)
    return wait if elapsed + wait < settings.vonage_give_up_seconds else None
