"""What `route` reads on `sms.messages.v1`: accepted messages and refusals of both doors, and failovers."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.base import Attached, Body, Millis, Record, decode_with
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.quoting import unquoted
from schemas.tasks import Task


class Door(StrEnum):
    """How a request came in."""

    REST = "rest"
    KAFKA = "kafka"
    #: None came: we answer a text ourselves (the confirmation of a STOP, say).
    REPLY = "reply"


class Content(Record):
    """What was asked for, unchanged from the door to the handset, and what every view of it shows."""

    #: The sender as asked for, +E.164; None: one of the use case's pool, which `route` chooses.
    from_number: str | None = None
    #: The use case that it is sent through; None where it names its sender. An answer to a text has both: the
    #: number that was written to, and the use case whose words it says.
    use_case_id: str | None = None
    #: The handset, +E.164.
    to_number: str
    text: Body
    media: Attached = ()
    #: As carriers count them (`schemas.segments`).
    segments: int
    #: The producer's own reference: carried to every status record, never trusted as an id.
    reference: str | None = None
    #: Versioned digest of what was asked for (`schemas.requests.fingerprint`).
    fingerprint: str
    accepted_at: Millis
    #: It is not to be handed over before this moment: its owner's wish, or the end of quiet hours.
    send_at: Millis | None = None
    #: Its organization keeps text and media off `sms.status.v1` and every view; `sealed` stands there for the
    #: fingerprint (`schemas.sealing`), "" where nobody can ask for it by a key.
    redact: bool = False
    sealed: str = ""

    @property
    def told_text(self) -> str:
        """The text as everybody is told it."""
        return "" if self.redact else self.text

    @property
    def told_media(self) -> tuple[str, ...]:
        """The media as everybody is told them."""
        return () if self.redact else self.media

    @property
    def told_fingerprint(self) -> str:
        """What everybody is told of what was asked for."""
        return self.sealed if self.redact else self.fingerprint

    def told(self, sentence: str) -> str:
        """A provider's sentence as everybody is told it: it may quote the text."""
        return unquoted(sentence, self.text, self.media) if self.redact else sentence


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
    #: It answers what the recipient has just written (STOP, START, HELP): no opt-out stops it.
    confirms: bool = False
    #: An opt-out stops it all the same: it answers START, and a STOP may have followed.
    heeds_optouts: bool = False
    content: Content


class Failover(Record):
    """A task that another sender may be able to hand over: `route` chooses again (docs/protocol.md, rule 5).

    Only of messages from use cases, or whose number has moved to another account; and only when the last
    attempt provably was not handed over, or there was none. `route` is the only reader; a repeat is a copy of
    one task, of which the claim lets one win.
    Where no other sender is of more use the task goes on through the one that it has (docs/decisions/0063).
    """

    type: Literal["failover.v1"] = "failover.v1"
    message_id: str
    organization: str
    forget_at: Millis
    #: As it is to be tried next: its attempt, `how`, `record` and `not_before` are handed on unchanged. Its
    #: sender is the one to leave; what it names as tried or refused is not chosen again.
    task: Task
    #: Why, in words for operators.
    why: str


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


MessageRecord = Annotated[Message | Refusal | Failover, Field(discriminator="type")]
_VALIDATOR = TypeAdapter[Message | Refusal | Failover](MessageRecord).validator


def decode_message(value: bytes | None) -> Message | Refusal | Failover:
    """The record in `value`.

    Raises:
        DecodeError: see `Record.decode`.
    """
    record: Message | Refusal | Failover = decode_with(_VALIDATOR, value)
    return record
