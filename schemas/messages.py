"""What both doors hand to `route` on `sms.messages.v1`: accepted messages and refusals."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.base import Millis, Record, decode_with
from schemas.provider import Provider


class Lane(StrEnum):
    """Which of a provider's two dispatch topics a task takes; immediate ones go first."""

    IMMEDIATE = "immediate"
    QUEUED = "queued"


class Door(StrEnum):
    """How a request came in."""

    REST = "rest"
    KAFKA = "kafka"


class Content(Record):
    """What was asked for, unchanged from the door to the handset, and what every view of it shows."""

    #: The sender as asked for, +E.164.
    from_number: str
    #: The handset, +E.164.
    to_number: str
    text: str
    media: tuple[str, ...] = ()
    #: As carriers count them (`schemas.segments`).
    segments: int
    #: The producer's own reference: carried to every status record, never trusted as an id.
    reference: str | None = None
    #: Versioned digest of what was asked for (`schemas.requests.fingerprint`).
    fingerprint: str
    accepted_at: Millis


class Message(Record):
    """An accepted request."""

    type: Literal["message.v1"] = "message.v1"
    message_id: str
    organization: str
    door: Door
    lane: Lane
    #: The provider that its owner was told; None in records of versions that did not say.
    provider: Provider | None = None
    #: After this moment it is not handed over any more.
    valid_until: Millis
    #: When every store forgets the message (docs/architecture.md): carried by every fact and task about it.
    forget_at: Millis
    #: Whether the same id can come again; false for a keyless REST message, which needs no dedupe.
    can_repeat: bool
    content: Content


class Refusal(Record):
    """A request that intake could read but not accept. `route` rejects it if it is a first sighting."""

    type: Literal["refusal.v1"] = "refusal.v1"
    message_id: str
    organization: str
    door: Door
    forget_at: Millis
    can_repeat: bool = True
    content: Content
    #: Stable, from the catalogue in docs/errors.md.
    code: str
    #: One sentence for the owner.
    detail: str


MessageRecord = Annotated[Message | Refusal, Field(discriminator="type")]
_VALIDATOR = TypeAdapter[Message | Refusal](MessageRecord).validator


def decode_message(value: bytes | None) -> Message | Refusal:
    """The record in `value`.

    Raises:
        DecodeError: see `Record.decode`.
    """
    record: Message | Refusal = decode_with(_VALIDATOR, value)
    return record
