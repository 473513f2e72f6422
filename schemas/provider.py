"""The three providers and what a hand-over to one of them can come to."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.base import Record


class Provider(StrEnum):
    """Who brings a text to the handset."""

    TWILIO = "twilio"
    TELNYX = "telnyx"
    VONAGE = "vonage"


#: Who can be asked what became of a hand-over (docs/providers.md).
ASKABLE: Final = frozenset({Provider.TWILIO, Provider.TELNYX})


class Fault(StrEnum):
    """Whose fault a refusal is: what a provider's code means for the message, its sender and its account."""

    #: May be tried again: too many requests, a full queue, a passing fault.
    RETRYABLE = "retryable"
    #: The destination cannot be reached: not a number, a landline, unknown, blocked.
    RECIPIENT = "recipient"
    #: The recipient has opted out at the provider.
    OPTED_OUT = "opted_out"
    #: The sender number may not send this: not ours, not registered, region not enabled.
    SENDER = "sender"
    #: The text or its media are refused.
    CONTENT = "content"
    #: Credentials, funds or state of the provider account.
    ACCOUNT = "account"
    #: The code does not say whether the text was sent.
    AMBIGUOUS = "ambiguous"


class Accepted(Record):
    """The provider has taken the message and gave it its own id."""

    kind: Literal["accepted"] = "accepted"
    provider_message_id: str
    #: As the provider counts them; None where it does not say at once.
    segments: int | None = None


class Rejected(Record):
    """The provider has refused the message for good; it was not sent."""

    kind: Literal["rejected"] = "rejected"
    fault: Fault
    #: The provider's own code as text, "" where it gave none.
    code: str = ""
    #: One sentence for the owner of the message.
    detail: str


class Throttled(Record):
    """The provider refused it as not processed, for now (429): safe to try again."""

    kind: Literal["throttled"] = "throttled"
    code: str = ""
    detail: str = ""
    #: The provider's `Retry-After`, in seconds, as it was told.
    retry_after: float | None = None


class Unavailable(Record):
    """It provably never left: refused connection, no DNS, connect timeout, or its time was over before."""

    kind: Literal["unavailable"] = "unavailable"
    detail: str


class Ambiguous(Record):
    """It may have been sent: a timeout or a lost connection after it left, a 5xx, an unreadable 2xx."""

    kind: Literal["ambiguous"] = "ambiguous"
    detail: str


#: What one hand-over came to: closed, so that every `match` over it ends in `assert_never`.
Outcome = Annotated[Accepted | Rejected | Throttled | Unavailable | Ambiguous, Field(discriminator="kind")]
#: The outcomes that are facts by themselves; `Ambiguous` is the fact `ambiguous.v1`.
Certain = Annotated[Accepted | Rejected | Throttled | Unavailable, Field(discriminator="kind")]
