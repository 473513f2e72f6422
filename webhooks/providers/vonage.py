"""Vonage's Messages API webhooks: a token (HS256) with a hash of the body; the URL is not signed."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import jwt
from jwt.types import Options

from schemas import callback
from schemas.codes import fault_of_receipt
from schemas.facts import ReceiptStatus
from schemas.provider import Provider
from schemas.reports import VONAGE
from webhooks.providers.fields import count, inbound, json_object, mapping, media, millis, moved, number, text
from webhooks.words import Check, Ends, Inbound, Incoming, Refusal, Report, Unreadable, Word

#: How far Vonage's clock may be ahead of ours, in seconds.
LEEWAY: Final = 60
#: How old a token may be, in seconds. Vonage retries for 24 h (for receipts an older article says 72 h), and
#: does not say whether it signs again.
MAX_AGE: Final = 72 * 3600

#: `message_type` of what comes with a URL (Vonage, "Messages API: inbound message webhook").
_KINDS: Final = frozenset({"image", "audio", "video", "file", "vcard"})
#: Characters; Vonage's tokens have about 500.
_LONGEST_TOKEN: Final = 2_048
#: The parameters of our own callback URLs: not part of what Vonage says by GET.
_OURS: Final = frozenset({*callback.FIELDS, callback.MAC})
#: A part of an object, as parameters of a URL tell it: `image[url]`.
_PART: Final = re.compile(r"(\w+)\[(\w+)\]")
_OPTIONS: Final[Options] = {
    "require": ["iat", "payload_hash"],
    # By our own clock, below: PyJWT would read the machine's.
    "verify_iat": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_aud": False,
}


def check(incoming: Incoming, now: float) -> Check | Refusal:
    """By a signature secret, the hash of what was sent, and the time of signing."""
    if not incoming.headers.get("authorization", ""):
        return Refusal.UNSIGNED
    token = _token(incoming)
    claims = _said_by(token)
    if claims is None or not (_timely(claims, now) and _same_payload(claims, incoming)):
        return Refusal.FORGED

    def by(secret: str) -> bool:
        try:
            jwt.decode(token, secret, algorithms=["HS256"], options=_OPTIONS)
        except jwt.PyJWTError:
            return False
        return True

    return by


def _token(incoming: Incoming) -> str:
    scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and len(token) <= _LONGEST_TOKEN else ""


def claimed(incoming: Incoming) -> str | None:
    """The token's `application_id`."""
    return text((_said_by(_token(incoming)) or {}).get("application_id")) or None


def _said_by(token: str) -> Mapping[str, Any] | None:
    """The claims of a token, which its signature has yet to prove; None: it is none."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None


def _timely(claims: Mapping[str, Any], now: float) -> bool:
    issued, expires = claims.get("iat"), claims.get("exp", now)
    if not (isinstance(issued, int | float) and isinstance(expires, int | float)):
        return False
    return now - MAX_AGE <= issued <= now + LEEWAY and now <= expires + LEEWAY


def _same_payload(claims: Mapping[str, Any], incoming: Incoming) -> bool:
    given = text(claims.get("payload_hash")).encode()
    return any(
        hmac.compare_digest(hashlib.sha256(payload).hexdigest().encode(), given)
        for payload in _payloads(incoming)
    )


def _payloads(incoming: Incoming) -> list[bytes]:
    """What the hash may be of: the body; by GET, the parameters as a JSON object without white space.

    Vonage's article on verifying payloads does not say whether parameters that were in the URL already
    count, nor whether characters beyond ASCII are escaped in it; ours are under our own MAC either way.
    """
    if incoming.method != "GET":
        return [incoming.body]
    return [
        json.dumps(one, separators=(",", ":"), ensure_ascii=escaped).encode(errors="replace")
        for one in (_said(incoming), dict(incoming.query))
        for escaped in (False, True)
    ]


def _said(incoming: Incoming) -> dict[str, str]:
    return {name: value for name, value in incoming.query.items() if name not in _OURS}


def parse(incoming: Incoming) -> Word:
    """What it says, with the code behind `#` in the error's type, or its title (a number or its digits)."""
    found = _found(incoming)
    if found is None:
        return Unreadable("no JSON object")
    status = text(found.get("status"))
    if not status and "message_type" in found:
        return inbound(_inbound(found))
    message = text(found.get("message_uuid"))
    if not (status and message):
        return Unreadable("no message_uuid or status")
    reached = moved(VONAGE, status)
    if not isinstance(reached, ReceiptStatus):
        return reached
    error = mapping(found.get("error"))
    code = text(error.get("type")).partition("#")[2] or text(error.get("title")) or None
    return Report(
        provider_message_id=message,
        status=reached,
        at=millis(found.get("timestamp")),
        code=code,
        fault=fault_of_receipt(Provider.VONAGE, code) if code else None,
        detail=text(error.get("detail")) or None,
    )


def ends(incoming: Incoming) -> Ends:
    """Between whom the message of a receipt went."""
    found = _found(incoming) or {}
    return Ends(number(found.get("from")), number(found.get("to")))


def _found(incoming: Incoming) -> dict[str, Any] | None:
    return _objects(_said(incoming)) if incoming.method == "GET" else json_object(incoming.body)


def _objects(said: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of a URL as the object that they tell: `image[url]=...`, or `image={"url": ...}`.

    How Vonage writes an inner object there is not documented: both common ways are read.
    """
    found: dict[str, Any] = {}
    for name, value in said.items():
        part = _PART.fullmatch(name)
        if part:
            inner = found.setdefault(part[1], {})
            if isinstance(inner, dict):
                inner[part[2]] = value
        elif name in _KINDS or name == "sms":
            found[name] = json_object(value.encode(errors="replace")) or value
        else:
            found[name] = value
    return found


def _inbound(found: Mapping[str, Any]) -> Inbound:
    parts = _contents(found)
    receiver = number(found.get("to"))
    said = [text(found.get("text")), *(text(part.get("text") or part.get("caption")) for part in parts)]
    return Inbound(
        provider_message_id=text(found.get("message_uuid")),
        from_number=number(found.get("from")),
        to_numbers=(receiver,) if receiver else (),
        text="\n".join(one for one in said if one),
        media=tuple(one for part in parts for one in media(part.get("url"))),
        segments=count(mapping(found.get("sms")).get("num_messages")),
        at=millis(found.get("timestamp")),
    )


def _contents(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The object that bears the name of the message's type; several come in a list named `content`."""
    kind = text(found.get("message_type"))
    if kind == "content" and isinstance(found.get("content"), list):
        return [mapping(one) for one in found["content"]]
    return [mapping(found.get(kind))] if kind in _KINDS else []
