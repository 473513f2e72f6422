"""Vonage's Messages API webhooks: a token (HS256) with a hash of the body; the URL is not signed."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt
from jwt.types import Options

from schemas.codes import fault_of_receipt
from schemas.facts import ReceiptStatus
from schemas.provider import Provider
from webhooks.providers.fields import json_object, mapping, millis, moved, text
from webhooks.words import Inbound, Incoming, Report, Unreadable, Verdict, Word

#: How far Vonage's clock may be ahead of ours, in seconds.
LEEWAY: Final = 60
#: How old a token may be, in seconds. Vonage retries for 24 h (for receipts an older article says 72 h), and
#: does not say whether it signs again.
MAX_AGE: Final = 72 * 3600

#: `status` (Vonage, "Messages API: message status webhook").
STATUSES: Final[dict[str, ReceiptStatus | None]] = {
    "submitted": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "rejected": ReceiptStatus.UNDELIVERED,
    "undeliverable": ReceiptStatus.FAILED,
}
#: The parameters of our own callback URLs: not part of what Vonage says by GET.
_OURS: Final = frozenset({"account", "organization", "message", "attempt", "nonce", "forget", "mac"})
_OPTIONS: Final[Options] = {
    "require": ["iat", "payload_hash"],
    # By our own clock, below: PyJWT would read the machine's.
    "verify_iat": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_aud": False,
}


def verify(incoming: Incoming, secrets: Sequence[str], now: float) -> Verdict:
    """By the signature secrets, the hash of what was sent, and the time of signing."""
    authorization = incoming.headers.get("authorization", "")
    if not authorization:
        return Verdict.UNSIGNED
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return Verdict.FORGED
    for secret in secrets:
        claims = _claims(token.strip(), secret)
        if claims is not None:
            genuine = _timely(claims, now) and _same_payload(claims, incoming)
            return Verdict.GENUINE if genuine else Verdict.FORGED
    return Verdict.FORGED


def _claims(token: str, secret: str) -> Mapping[str, Any] | None:
    try:
        return jwt.decode(token, secret, algorithms=["HS256"], options=_OPTIONS)
    except jwt.PyJWTError:
        return None


def _timely(claims: Mapping[str, Any], now: float) -> bool:
    issued, expires = claims["iat"], claims.get("exp", now)
    if not (isinstance(issued, int | float) and isinstance(expires, int | float)):
        return False
    return now - MAX_AGE <= issued <= now + LEEWAY and now <= expires + LEEWAY


def _same_payload(claims: Mapping[str, Any], incoming: Incoming) -> bool:
    given = text(claims["payload_hash"]).encode()
    return any(
        hmac.compare_digest(hashlib.sha256(payload).hexdigest().encode(), given)
        for payload in _payloads(incoming)
    )


def _payloads(incoming: Incoming) -> list[bytes]:
    """What the hash may be of: the body; by GET, the parameters as a JSON object without white space.

    Vonage's article on verifying payloads does not say whether parameters that were in the URL already
    count; ours are under our own MAC either way.
    """
    if incoming.method != "GET":
        return [incoming.body]
    everything = dict(incoming.query)
    return [json.dumps(one, separators=(",", ":")).encode() for one in (_said(incoming), everything)]


def _said(incoming: Incoming) -> dict[str, str]:
    return {name: value for name, value in incoming.query.items() if name not in _OURS}


def parse(incoming: Incoming) -> Word:
    """What it says, with the code behind `#` in the error's type, or its title (a number or its digits)."""
    found = _said(incoming) if incoming.method == "GET" else json_object(incoming.body)
    if found is None:
        return Unreadable("no JSON object")
    status = text(found.get("status"))
    if not status and "message_type" in found:
        return Inbound()
    message = text(found.get("message_uuid"))
    if not (status and message):
        return Unreadable("no message_uuid or status")
    reached = moved(STATUSES, status)
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
