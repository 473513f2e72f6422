"""What the platform posts to a subscription: verified as Standard Webhooks say, and read.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from pydantic import AwareDatetime, ValidationError
from pydantic_core import from_json

from heliograph.errors import HeliographError
from heliograph.records import InboundRecord, Moment, StatusRecord
from heliograph.value import Value
from heliograph.words import EventWord

#: Seconds between the platform's clock and ours, either way, beyond which a post may be a replay.
TOLERANCE: Final = 300
_PREFIX: Final = "whsec_"


class WebhookError(HeliographError):
    """It is not the platform's, or too old: answer 401, and believe nothing of it."""


class UnreadableEventError(HeliographError):
    """It is the platform's, and no event that this version can read: update, and answer 500 until then."""


class SwitchedOff(Value):
    """A subscription of yours was switched off: its endpoint gets nothing until it is made active again."""

    type: Literal["switched_off.v1"]
    #: Its id, owner and endpoint.
    subscription: str
    organization: str
    url: str
    #: Since when every try had failed, and when it was switched off.
    since: Moment
    at: Moment
    #: What the last try came to.
    detail: str


class Trial(Value):
    """Somebody tries a subscription out: nothing has happened."""

    type: Literal["test.v1"]
    id: str
    #: Its id and owner.
    subscription: str
    organization: str
    at: Moment


Data: TypeAlias = StatusRecord | InboundRecord | SwitchedOff | Trial | Mapping[str, Any]
_KINDS: Final[Mapping[object, type[StatusRecord | InboundRecord | SwitchedOff | Trial]]] = {
    "status.v1": StatusRecord,
    "inbound.v1": InboundRecord,
    "switched_off.v1": SwitchedOff,
    "test.v1": Trial,
}


class Event(Value):
    """What happened, told at least once. `id` is the same for every repeat: keep it to drop these.

    `data` is a `StatusRecord` for `message.*`, an `InboundRecord` for `text.received`, a `SwitchedOff` for
    `subscription.switched_off`, a `Trial` for `subscription.test`, and a plain mapping where it is of a kind
    that this version does not know.
    """

    id: str
    type: EventWord
    timestamp: AwareDatetime
    data: Data


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Iterable[str],
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE,
) -> Event:
    """The event in a post, once it is certain that the platform signed it.

    Args:
        body: the bytes as they came: JSON that was parsed and written again has another signature.
        headers: names in any case.
        secrets: of the subscription, `whsec_...`; several while they are rotated.
        now: seconds since the epoch; the machine's clock if not given.
        tolerance: seconds that `webhook-timestamp` may lie apart from it.

    Raises:
        WebhookError: a header is missing, the time is too far off, or no signature fits.
        UnreadableEventError: it is signed, and no event.
        ValueError: a secret is none.
    """
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("no secret is given")
    found = {name.lower(): value for name, value in headers.items()}
    try:
        id_, timestamp, signatures = (found[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise WebhookError(f"the header {error.args[0]} is missing") from None
    _in_time(timestamp, time.time() if now is None else now, tolerance)
    # What cannot be encoded was never signed: it fits nothing.
    signed = f"{id_}.{timestamp}.".encode(errors="replace") + body
    given = [one.encode(errors="replace") for one in signatures.split(" ")]
    # All pairs are compared, each in constant time: how long it takes says nothing of what is right.
    fits = [hmac.compare_digest(_signature(key, signed), one) for key in keys for one in given]
    if not any(fits):
        raise WebhookError("no signature fits")
    return _event(id_, body)


def _in_time(timestamp: str, now: float, tolerance: float) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal()) or len(timestamp) > 15:
        raise WebhookError("webhook-timestamp is no number of seconds")
    if abs(now - int(timestamp)) > tolerance:
        raise WebhookError("webhook-timestamp is too far from this machine's clock")


def _signature(key: bytes, signed: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("a secret is `whsec_` and base64")
    return key


def _event(id_: str, body: bytes) -> Event:
    try:
        members = from_json(body)
        data = members["data"]
        kind = _KINDS.get(data["type"])
        return Event(
            id=id_,
            type=members["type"],
            timestamp=members["timestamp"],
            data=data if kind is None else kind.model_validate(data),
        )
    except ValidationError as error:
        flaw = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in flaw["loc"])
        raise UnreadableEventError(f"{where}: {flaw['msg']}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableEventError(f"no event: {type(error).__name__}") from None
