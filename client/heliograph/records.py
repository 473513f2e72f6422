"""What the platform tells of itself: records of `sms.status.v1` and `sms.inbound.v1`, and webhooks' data."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator

from heliograph.answers import Failure
from heliograph.value import Value
from heliograph.words import (
    FaultWord,
    KeywordWord,
    OutcomeWord,
    ProviderWord,
    SettledByWord,
    StateWord,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(value: object) -> object:
    """Records count milliseconds since the epoch; pydantic would take a small number for seconds."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError as error:
        raise ValueError("a moment beyond the year 9999") from error


Moment: TypeAlias = Annotated[datetime, BeforeValidator(_moment)]


class RecordedStep(Value):
    """A state that a message has been in, and since when."""

    status: StateWord
    at: Moment
    settled_by: SettledByWord | None = None


class RecordedAttempt(Value):
    """One attempt at a hand-over, and what came of it. `number` is 1 for the first."""

    number: int
    at: Moment
    provider: ProviderWord
    account: str
    sender: str
    outcome: OutcomeWord
    provider_message_id: str | None = None
    provider_code: str | None = None
    fault: FaultWord | None = None
    detail: str | None = None


class StatusRecord(Value):
    """One transition of a message, with the whole picture: it can be understood by itself.

    `sequence` counts a message's transitions from 1 without gaps; `id` is the same for every repeat.
    """

    type: Literal["status.v1"]
    id: str
    message_id: str
    organization: str
    sequence: int
    status: StateWord
    previous: StateWord | None = None
    #: When the fact behind this transition happened.
    at: Moment
    accepted_at: Moment
    #: When the platform forgets the message, and with it the idempotency key.
    forget_at: Moment
    #: None until one of the use case's numbers is chosen.
    from_number: str | None = None
    use_case_id: str | None = None
    to_number: str
    #: Empty where `redacted`.
    text: str
    media: tuple[str, ...] = ()
    redacted: bool = False
    segments: int
    #: The sender's own, as it was asked for.
    reference: str | None = None
    fingerprint: str
    send_at: Moment | None = None
    #: The hand-over that the status speaks of.
    attempt: int | None = None
    provider: ProviderWord | None = None
    account: str | None = None
    provider_message_id: str | None = None
    #: Which rule chose the sender.
    reason: str | None = None
    failure: Failure | None = None
    settled_by: SettledByWord | None = None
    #: Every transition up to this one, oldest first.
    history: tuple[RecordedStep, ...] = ()
    #: The latest 20 whose outcome was known by then, oldest first.
    attempts: tuple[RecordedAttempt, ...] = ()
    #: For a key used again with other content: the message that has the key.
    conflicts_with: str | None = None
    taken_back: bool = False


class Media(Value):
    """A picture or file that came with a text. `size` is in bytes, where the provider says it."""

    url: str
    content_type: str | None = None
    size: int | None = None


class InboundRecord(Value):
    """A text that somebody sent to one of your numbers; `id` is the same for every repeat."""

    type: Literal["inbound.v1"]
    id: str
    organization: str
    provider: ProviderWord
    account: str
    provider_message_id: str
    #: The handset.
    from_number: str
    #: Your number.
    to_number: str
    text: str
    #: Where the whole text is STOP, START, HELP or a word like them.
    keyword: KeywordWord | None = None
    media: tuple[Media, ...] = ()
    segments: int
    #: When it was sent, by the provider's clock where that says.
    at: Moment
    received_at: Moment
