"""Telnyx' message events: Ed25519 over time and body; the URL is not signed."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.codes import fault_of_receipt
from schemas.facts import ReceiptStatus
from schemas.provider import Provider
from schemas.public import Media
from schemas.reports import TELNYX
from webhooks.providers.fields import (
    count,
    first,
    inbound,
    json_object,
    keyword,
    mapping,
    media,
    millis,
    moved,
    number,
    text,
)
from webhooks.words import Check, Ends, Inbound, Incoming, Refusal, Report, Strange, Unreadable, Word

#: How far the signed time may be from ours, in seconds, either way.
TOLERANCE: Final = 300

#: Python reads no more than some thousands of digits, and says so as of a key that is none.
_STAMP: Final = re.compile(r"[0-9]{1,12}")
#: 64 bytes in base64.
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9+/]{86}==")
_REPORTS: Final = frozenset({"message.sent", "message.finalized"})


def check(incoming: Incoming, now: float) -> Check | Refusal:
    """By a public key (32 bytes in base64), and the time within `TOLERANCE`."""
    stamp = incoming.headers.get("telnyx-timestamp", "")
    encoded = incoming.headers.get("telnyx-signature-ed25519", "")
    if not encoded:
        return Refusal.UNSIGNED
    if not (_STAMP.fullmatch(stamp) and abs(now - int(stamp)) <= TOLERANCE and _SIGNATURE.fullmatch(encoded)):
        return Refusal.FORGED
    signature, signed = base64.b64decode(encoded), f"{stamp}|".encode() + incoming.body

    def by(key: str) -> bool:
        # Ed25519 hashes key and text together: each key reads all of it anew.
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        try:
            public.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    return by


def claimed(incoming: Incoming) -> str | None:  # noqa: ARG001 - as every dialect
    """Its events name no account."""
    return None


def parse(incoming: Incoming) -> Word:
    """What it says: of its one recipient, at the time of the event."""
    event = json_object(incoming.body)
    if event is None:
        return Unreadable("no JSON object")
    data = mapping(event.get("data"))
    kind, payload = text(data.get("event_type")), mapping(data.get("payload"))
    if kind == "message.received":
        return inbound(_inbound(data, payload))
    return _report(data, payload) if kind in _REPORTS else Strange(kind)


def ends(incoming: Incoming) -> Ends:
    """Between whom the message of a receipt went."""
    payload = mapping(mapping((json_object(incoming.body) or {}).get("data")).get("payload"))
    sender, handset = mapping(payload.get("from")), first(payload.get("to"))
    return Ends(number(sender.get("phone_number")), number(handset.get("phone_number")))


def _inbound(data: Mapping[str, Any], payload: Mapping[str, Any]) -> Inbound:
    receivers = [number(one.get("phone_number")) for one in _objects(payload.get("to"))]
    return Inbound(
        provider_message_id=text(payload.get("id")),
        from_number=number(mapping(payload.get("from")).get("phone_number")),
        to_numbers=tuple(one for one in receivers if one),
        text=text(payload.get("text")),
        media=tuple(one for item in _objects(payload.get("media")) for one in _media(item)),
        segments=count(payload.get("parts")),
        at=millis(payload.get("received_at")) or millis(data.get("occurred_at")),
        keyword=keyword(payload.get("autoresponse_type")),
    )


def _media(item: Mapping[str, Any]) -> tuple[Media, ...]:
    return media(item.get("url"), item.get("content_type"), item.get("size"))


def _objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; a single one may stand alone."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _report(data: Mapping[str, Any], payload: Mapping[str, Any]) -> Word:
    status = text(first(payload.get("to")).get("status"))
    message = text(payload.get("id"))
    if not (status and message):
        return Unreadable("no message id or status")
    reached = moved(TELNYX, status)
    if not isinstance(reached, ReceiptStatus):
        return reached
    error = first(payload.get("errors"))
    code = text(error.get("code")) or None
    title = text(error.get("title"))
    return Report(
        provider_message_id=message,
        status=reached,
        at=millis(data.get("occurred_at")),
        code=code,
        fault=fault_of_receipt(Provider.TELNYX, code, title) if code else None,
        detail=text(error.get("detail")) or title or None,
    )
