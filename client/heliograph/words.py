"""The closed sets of words that the platform uses. A newer platform may have more: those stay plain text."""

from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import Field


class State(StrEnum):
    """What is truthfully known of a message."""

    QUEUED = "queued"
    #: It may be in its provider's hands right now. Only REST says this; it is no transition.
    SENDING = "sending"
    #: It was handed over and nobody can say yet what came of it. Never sent again in silence.
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Provider(StrEnum):
    """Who brings a text to the handset."""

    TWILIO = "twilio"
    TELNYX = "telnyx"
    VONAGE = "vonage"


class Fault(StrEnum):
    """Whose fault a refusal is, as the provider's code says."""

    RETRYABLE = "retryable"
    RECIPIENT = "recipient"
    OPTED_OUT = "opted_out"
    SENDER = "sender"
    CONTENT = "content"
    ACCOUNT = "account"
    AMBIGUOUS = "ambiguous"


class AttemptOutcome(StrEnum):
    """What one attempt at a hand-over came to."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class SettledBy(StrEnum):
    """What settled a hand-over whose outcome was unknown."""

    RECEIPT = "receipt"
    ASKED = "asked"
    ANSWER = "answer"
    POLICY = "policy"


class Keyword(StrEnum):
    """What a text asks for, where it is one of the words that carriers know."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class EventType(StrEnum):
    """What a webhook tells of."""

    QUEUED = "message.queued"
    SENT = "message.sent"
    UNKNOWN = "message.unknown"
    DELIVERED = "message.delivered"
    UNDELIVERED = "message.undelivered"
    FAILED = "message.failed"
    CANCELLED = "message.cancelled"
    RECEIVED = "text.received"
    SWITCHED_OFF = "subscription.switched_off"
    TEST = "subscription.test"


#: States after which nothing more is expected of a message.
ENDED = frozenset({State.DELIVERED, State.UNDELIVERED, State.FAILED, State.CANCELLED})

_OPEN = Field(union_mode="left_to_right")
StateWord: TypeAlias = Annotated[State | str, _OPEN]
ProviderWord: TypeAlias = Annotated[Provider | str, _OPEN]
FaultWord: TypeAlias = Annotated[Fault | str, _OPEN]
OutcomeWord: TypeAlias = Annotated[AttemptOutcome | str, _OPEN]
SettledByWord: TypeAlias = Annotated[SettledBy | str, _OPEN]
KeywordWord: TypeAlias = Annotated[Keyword | str, _OPEN]
EventWord: TypeAlias = Annotated[EventType | str, _OPEN]
