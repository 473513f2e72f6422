"""Twilio's callbacks, of statuses and of texts: their form, their signature and when they are sent again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from simulator.config import TwilioAccount
from simulator.media import content_type
from simulator.provider import Attempt, Callback, Outcome
from simulator.segments import segments
from simulator.signing import twilio_signature

_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 7.0)
"""Seconds before each of the five retries that can be asked for; Twilio does not publish its own.
Together they stay within the 15 s that a series may take."""
_ENDINGS: Final = frozenset({"delivered", "undelivered", "failed"})


class Overrides(NamedTuple):
    """Connection overrides, from the fragment of a callback's URL; times in seconds.

    Source: Twilio, "Webhooks (HTTP callbacks): Connection Overrides".
    """

    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})
    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0


def split(address: str) -> tuple[str, Overrides]:
    """The URL that is requested and signed, and what its fragment overrides."""
    url, _, fragment = address.partition("#")
    return url, _overrides(fragment)


@lru_cache(maxsize=64)
def _overrides(fragment: str) -> Overrides:
    given = dict(parse_qsl(fragment))
    return Overrides(
        retries=int(_between(given, "rc", 1, 0, 5)),
        policies=frozenset(given.get("rp", "ct").split(",")),
        connect=_between(given, "ct", 5000, 100, 10_000) / 1000,
        read=_between(given, "rt", 15_000, 100, 15_000) / 1000,
        total=_between(given, "tt", 15_000, 100, 15_000) / 1000,
    )


def _between(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> float:
    value = given.get(name, "")
    return min(max(int(value), least), most) if value.isdecimal() else default


def compose(account: TwilioAccount, attempt: Attempt) -> Callback | None:
    """The callback of one status or text. No callback without a StatusCallback in the request."""
    address = attempt.message.draft.webhook_url
    if address is None:
        return None
    url, overrides = split(address)
    params = _text(account, attempt) if attempt.message.draft.inbound else _params(account, attempt)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "I-Twilio-Idempotency-Token": attempt.token,
    }
    receipt = attempt.receipt
    if not (attempt.spoiled and receipt.signature == "missing"):
        forged = attempt.spoiled and receipt.signature == "bad"
        token = account.auth_token + ("?" if forged else "")
        headers["X-Twilio-Signature"] = twilio_signature(token, url, params.items())
    return Callback(url, headers, urlencode(params).encode(), overrides.connect, overrides.read)


def _params(account: TwilioAccount, attempt: Attempt) -> dict[str, str]:
    message, receipt = attempt.message, attempt.receipt
    params = {
        "AccountSid": account.account_sid,
        "From": message.draft.sender,
        "To": message.draft.to,
        "MessageSid": message.id,
        "SmsSid": message.id,
        "MessageStatus": receipt.status,
        "SmsStatus": receipt.status,
        "ApiVersion": "2010-04-01",
    }
    if message.draft.service is not None:
        params["MessagingServiceSid"] = message.draft.service
    if receipt.code is not None:
        params["ErrorCode"] = receipt.code
    if receipt.status in _ENDINGS:
        done = datetime.fromtimestamp(message.at + receipt.reached, UTC)
        params["RawDlrDoneDate"] = done.strftime("%y%m%d%H%M")
    return params


def _text(account: TwilioAccount, attempt: Attempt) -> dict[str, str]:
    """Source: Twilio, "Twilio's request to your incoming message webhook URL"."""
    message = attempt.message
    draft = message.draft
    params = {
        "ToCountry": "US",
        "ToState": "",
        "SmsMessageSid": message.id,
        "NumMedia": str(len(draft.media)),
        "SmsSid": message.id,
        "SmsStatus": attempt.receipt.status,
        "Body": draft.text,
        "FromCountry": "US",
        "To": draft.to,
        "NumSegments": str(1 if draft.media else segments(draft.text).parts),
        "MessageSid": message.id,
        "AccountSid": account.account_sid,
        "From": draft.sender,
        "ApiVersion": "2010-04-01",
    }
    for place, url in enumerate(draft.media):
        params[f"MediaUrl{place}"] = url
        params[f"MediaContentType{place}"] = content_type(url)
    return params


def pause(attempt: Attempt, outcome: Outcome, elapsed: float) -> float | None:
    """Retries as the overrides ask: so many, on such failures, within the total time."""
    _, overrides = split(attempt.message.draft.webhook_url or "")
    failure = _failure(outcome)
    if failure is None or not overrides.policies & {failure, "all"}:
        return None
    if attempt.number > overrides.retries:
        return None
    wait = _PAUSES[attempt.number - 1]
    return wait if elapsed + wait < overrides.total else None


def _failure(outcome: Outcome) -> str | None:
    """The retry policy that names this failure; None for a success."""
    match outcome:
        case "unreachable":
            return "ct"
        case "unanswered":
            return "rt"
        case int() if outcome >= 400:
            return f"{outcome // 100}xx"
        case _:
            return None
