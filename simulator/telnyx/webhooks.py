"""Telnyx's message payload, its webhooks, their signature and when they are sent again."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulator.media import content_type
from simulator.messages import Message, Receipt
from simulator.provider import Attempt, Callback, Outcome
from simulator.segments import segments
from simulator.signing import telnyx_signature

_ATTEMPTS_PER_URL: Final = 3
_TIMEOUT: Final = 2.0
"""Seconds that Telnyx waits for an answer."""
_BEFORE_THE_END: Final = frozenset({"queued", "sending", "sent"})


def payload(message: Message, latest: Receipt | None) -> dict[str, Any]:
    """The message as answers and webhooks show it, once it has reached `latest`."""
    draft = message.draft
    encoding, parts = segments(draft.text)
    ended = latest is not None and latest.status not in _BEFORE_THE_END
    failed = latest is not None and latest.code is not None
    sent = latest is not None and latest.status != "sending_failed"
    return {
        "id": message.id,
        "record_type": "message",
        "direction": "outbound",
        "type": draft.channel.upper(),
        "messaging_profile_id": draft.service,
        "from": {"phone_number": draft.sender, "carrier": "Telnyx", "line_type": "Wireless"},
        "to": [
            {
                "phone_number": draft.to,
                "status": "queued" if latest is None else latest.status,
                "carrier": "SIMULATED",
                "line_type": "Wireless",
            }
        ],
        "cc": [],
        "subject": draft.subject,
        "text": draft.text,
        "media": [{"url": url, "content_type": None} for url in draft.media],
        "webhook_url": draft.webhook_url,
        "webhook_failover_url": draft.failover_url,
        "encoding": encoding,
        "parts": 1 if draft.media else parts,
        "tags": list(draft.tags),
        "cost": {"amount": f"{0.0040 * parts:.4f}", "currency": "USD"} if ended else None,
        "received_at": iso(message.at),
        "sent_at": iso(message.at + message.receipts[0].reached) if latest and sent else None,
        "completed_at": iso(message.at + latest.reached) if latest and ended else None,
        "valid_until": iso(message.at + timedelta(hours=1).total_seconds()),
        "errors": [_error(latest.code)] if latest and failed else [],
    }


def received(message: Message) -> dict[str, Any]:
    """A text from a handset. Source: Telnyx, "Receiving webhooks: inbound message"."""
    draft = message.draft
    return payload(message, message.receipts[0]) | {
        "direction": "inbound",
        "from": {"phone_number": draft.sender, "carrier": "SIMULATED", "line_type": "Wireless"},
        "to": [
            {
                "phone_number": draft.to,
                "status": "webhook_delivered",
                "carrier": "Telnyx",
                "line_type": "Wireless",
            }
        ],
        "media": [
            {"url": url, "content_type": content_type(url), "size": None, "sha256": None}
            for url in draft.media
        ],
        "webhook_url": None,
        "cost": None,
        "sent_at": None,
        "completed_at": None,
        "valid_until": None,
    }


def _error(code: str | None) -> dict[str, Any]:
    return {"code": code, "title": f"Error {code}", "detail": f"The carrier reported {code}."}


def iso(at: float) -> str:
    """A time as Telnyx writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def compose(key: Ed25519PrivateKey, attempt: Attempt) -> Callback | None:
    """The webhook of one status or text. None where the message names no URL for it."""
    url = _url(attempt)
    if url is None:
        return None
    message, receipt = attempt.message, attempt.receipt
    inbound = message.draft.inbound
    event = {
        "data": {
            "event_type": "message.received" if inbound else _event_type(receipt),
            "id": attempt.event_id,
            "occurred_at": iso(message.at + receipt.reached),
            "record_type": "event",
            "payload": received(message) if inbound else payload(message, receipt),
        },
        "meta": {"attempt": attempt.number, "delivered_to": url},
    }
    body = json.dumps(event).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "telnyx-webhooks"}
    if not (attempt.spoiled and receipt.signature == "missing"):
        headers |= _signed(key, attempt, body)
    return Callback(url, headers, body, _TIMEOUT, _TIMEOUT)


def _event_type(receipt: Receipt) -> str:
    return "message.sent" if receipt.status == "sent" else "message.finalized"


def _signed(key: Ed25519PrivateKey, attempt: Attempt, body: bytes) -> dict[str, str]:
    timestamp = int(attempt.now) + (attempt.receipt.skew if attempt.spoiled else 0)
    signature = telnyx_signature(key, timestamp, body)
    if attempt.spoiled and attempt.receipt.signature == "bad":
        signature = base64.b64encode(bytes(64)).decode()
    return {"telnyx-timestamp": str(timestamp), "telnyx-signature-ed25519": signature}


def _url(attempt: Attempt) -> str | None:
    """The message's URL for the first attempts, then its failover URL."""
    draft = attempt.message.draft
    return draft.webhook_url if attempt.number <= _ATTEMPTS_PER_URL else draft.failover_url


def pause(attempt: Attempt, outcome: Outcome, pauses: tuple[float, float]) -> float | None:
    """Three attempts at each URL; only a 2xx is a success."""
    if isinstance(outcome, int) and 200 <= outcome < 300:
        return None
    urls = 1 if attempt.message.draft.failover_url is None else 2
    if attempt.number >= _ATTEMPTS_PER_URL * urls:
        return None
    turn = attempt.number % _ATTEMPTS_PER_URL
    return pauses[turn - 1] if turn else 0.0
