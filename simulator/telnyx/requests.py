"""Reading Telnyx's requests: the JSON of a new message and its idempotency key."""

import hashlib
import json
import re
from typing import Any, Final

from simulator.config import TelnyxAccount
from simulator.messages import Draft
from simulator.numbers import E164, is_sender
from simulator.provider import Call, Reply
from simulator.segments import segments
from simulator.telnyx.errors import error

_KEY: Final = re.compile(r"[A-Za-z0-9_:-]{1,255}")
_MOST_PARTS: Final = 10
_TEXTS: Final = ("webhook_url", "webhook_failover_url", "subject", "messaging_profile_id")


def read_message(account: TelnyxAccount, call: Call) -> Draft | Reply:
    """The draft of a `POST /v2/messages`, or the first complaint about it."""
    key = call.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        return error("10015", "Idempotency-Key must match ^[A-Za-z0-9_:-]{1,255}$.")
    try:
        body = json.loads(call.body)
    except ValueError:
        return error("10023")
    if not isinstance(body, dict):
        return error("10015")
    return _complaint(account, body) or _draft(account, call, body, key)


def _complaint(account: TelnyxAccount, body: dict[str, Any]) -> Reply | None:
    to, sender = body.get("to"), body.get("from")
    if to is None:
        return error("10004", pointer="/to")
    if not isinstance(to, str) or not E164.fullmatch(to):
        return error("40310", pointer="/to")
    if sender is None and body.get("messaging_profile_id") is None:
        return error("10004", pointer="/from")
    if sender is not None and not _may_send(account, sender):
        return error("40305", pointer="/from")
    if sender is None and not account.numbers:
        return error("40305", "The messaging profile has no numbers.", pointer="/from")
    return _content_complaint(body)


def _content_complaint(body: dict[str, Any]) -> Reply | None:
    text, media = body.get("text"), body.get("media_urls")
    checks = [
        ("40316", "text", text or media),
        ("10015", "text", isinstance(text, str | None)),
        ("10015", "media_urls", media is None or _strings(media)),
        ("10015", "tags", _strings(body.get("tags") or [])),
        *(("10015", name, isinstance(body.get(name), str | None)) for name in _TEXTS),
    ]
    wrong = next(((code, name) for code, name, holds in checks if not holds), None)
    if wrong is None and text and not media and segments(text).parts > _MOST_PARTS:
        wrong = ("40302", "text")
    return None if wrong is None else error(wrong[0], pointer=f"/{wrong[1]}")


def _may_send(account: TelnyxAccount, sender: object) -> bool:
    if not isinstance(sender, str) or not is_sender(sender):
        return False
    return not account.numbers or sender in account.numbers


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _draft(account: TelnyxAccount, call: Call, body: dict[str, Any], key: str | None) -> Draft:
    media = tuple(body.get("media_urls") or ())
    return Draft(
        provider="telnyx",
        account=account.id,
        to=body["to"],
        sender=body.get("from") or account.numbers[0],
        text=body.get("text") or "",
        media=media,
        webhook_url=body.get("webhook_url") or None,
        failover_url=body.get("webhook_failover_url") or None,
        tags=tuple(body.get("tags") or ()),
        channel="mms" if media or body.get("type") == "MMS" else "sms",
        service=body.get("messaging_profile_id"),
        subject=body.get("subject"),
        idempotency_key=key,
        fingerprint=None if key is None else _fingerprint(call),
    )


def _fingerprint(call: Call) -> str:
    """Query and body byte for byte; headers do not count."""
    return hashlib.sha256(call.query.encode() + b"\0" + call.body).hexdigest()
