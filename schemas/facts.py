"""Facts on `sms.events.v1`: what happened, each able to stand alone. The fold makes the status of them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas import refusals
from schemas.base import Body, Millis, Record, decode_with
from schemas.messages import Content
from schemas.provider import Certain, Fault, Provider
from schemas.tasks import Inquiry, RecordId, Task


class BaseFact(Record):
    """What every fact says."""

    message_id: str
    organization: str
    #: When it happened; the times of the status records come from here.
    at: Millis
    forget_at: Millis


class Routed(BaseFact):
    """`route` chose a sender and handed a task to the dispatchers."""

    type: Literal["routed.v1"] = "routed.v1"
    attempt: int
    provider: Provider
    account: str
    sender: str
    #: Which rule chose, in words for operators.
    reason: str
    content: Content


class Rerouted(BaseFact):
    """`route` chose another sender for the next attempt: the one before was not handed over."""

    type: Literal["rerouted.v1"] = "rerouted.v1"
    attempt: int
    provider: Provider
    account: str
    sender: str
    #: Which rule chose, and why it had to, in words for operators.
    reason: str


class Rejected(BaseFact):
    """Refused by us before any hand-over: not acceptable, no route, or a key used for other content."""

    type: Literal["rejected.v1"] = "rejected.v1"
    code: str
    detail: str
    content: Content
    #: The provider that its acceptance named, if any.
    provider: Provider | None = None
    #: The message whose key was used again, where that is why.
    conflicts_with: str | None = None
    #: A door had accepted it, and may have said so.
    taken_back: bool = False


class Attempted(BaseFact):
    """Which hand-over a fact speaks of."""

    attempt: int
    provider: Provider
    account: str
    sender: str


def attempted(of: Task | Inquiry, at: Millis) -> dict[str, object]:
    """The fields of `Attempted`, as a fact of `at` has them of the hand-over that `of` is about."""
    return {
        "message_id": of.message_id,
        "organization": of.organization,
        "at": at,
        "forget_at": of.forget_at,
        "attempt": of.attempt,
        "provider": of.provider,
        "account": of.account,
        "sender": of.sender,
    }


class OutcomeFact(Attempted):
    """A hand-over came to something certain."""

    type: Literal["outcome.v1"] = "outcome.v1"
    nonce: str
    #: The task record that was handed over: after a retry a rebuilt claim is open to this one again.
    record: RecordId
    outcome: Certain
    #: The hand-over was unknown, and the provider said this when it was asked.
    asked: bool = False
    #: A refusal of the sender, after which another sender is tried: it ends nothing.
    again: bool = False


class AmbiguousFact(Attempted):
    """A hand-over whose outcome cannot be known; an outcome or a receipt of the same attempt outweighs it."""

    type: Literal["ambiguous.v1"] = "ambiguous.v1"
    #: The nonces that it may have been sent with; more than one only after a rebuild of the ledger.
    nonces: tuple[str, ...]
    detail: str


class ReceiptStatus(StrEnum):
    """What a provider's receipt says of a message, in our words."""

    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class Receipt(BaseFact):
    """A provider's signed word on one hand-over. It counts for the attempt whose nonce it names."""

    type: Literal["receipt.v1"] = "receipt.v1"
    attempt: int
    nonce: str
    provider: Provider
    account: str
    provider_message_id: str
    status: ReceiptStatus
    #: The provider's error code as text, and what it means to us.
    code: str | None = None
    fault: Fault | None = None
    detail: str | None = None
    #: The payload as it came, for people who look into a case.
    raw: Body


class CancelAsked(BaseFact):
    """The owner wants it cancelled: acknowledged before the claim decides (docs/protocol.md, rule 1).

    It moves nothing by itself. A rebuild of the ledger honours it where nothing may have been sent, and
    `attempt` was not handed over: else its owner may have been told that it was too late
    (docs/decisions/0041).
    """

    type: Literal["cancel_asked.v1"] = "cancel_asked.v1"
    #: The attempt that was next when it was asked. Of later ones this says nothing.
    attempt: int


class ClosedWhy(StrEnum):
    """Why a message ended without a send."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    OPTED_OUT = "opted_out"
    #: What was true of its sender when it was accepted is not any more (`schemas.refusals` has these words).
    SENDER_NOT_FOUND = refusals.SENDER_NOT_FOUND
    SENDER_SUSPENDED = refusals.SENDER_SUSPENDED
    ACCOUNT_UNAVAILABLE = refusals.ACCOUNT_UNAVAILABLE
    ASSISTANT_SUSPENDED = refusals.ASSISTANT_SUSPENDED
    USE_CASE_NOT_FOUND = refusals.USE_CASE_NOT_FOUND
    USE_CASE_SUSPENDED = refusals.USE_CASE_SUSPENDED
    CAMPAIGN_NOT_VERIFIED = refusals.CAMPAIGN_NOT_VERIFIED
    BRAND_SUSPENDED = refusals.BRAND_SUSPENDED


class Closed(BaseFact):
    """The claim was closed without a send."""

    type: Literal["closed.v1"] = "closed.v1"
    why: ClosedWhy


class Reported(Attempted):
    """What the provider says of a hand-over when asked by its own id: a receipt that we fetched.

    It counts for the attempt that it names: whoever asked did so through that attempt's account, by the id
    that the provider had given to it.
    """

    type: Literal["reported.v1"] = "reported.v1"
    provider_message_id: str
    status: ReceiptStatus
    #: The provider's error code as text, and what it means to us.
    code: str | None = None
    fault: Fault | None = None
    detail: str | None = None


class Deadline(BaseFact):
    """The time to learn what became of an unknown hand-over is over: the owner's policy acts (rule 8).

    `task` is the one that was handed over; its `on_unknown` is the policy. `at` is when it was due.
    """

    type: Literal["deadline.v1"] = "deadline.v1"
    attempt: int
    task: Task
    #: For how many milliseconds it was waited: for longer than any hand-over may be under way.
    waited_ms: Annotated[int, Field(gt=0)]


AnyFact = (
    Routed
    | Rerouted
    | Rejected
    | OutcomeFact
    | AmbiguousFact
    | Receipt
    | Reported
    | CancelAsked
    | Closed
    | Deadline
)
Fact = Annotated[AnyFact, Field(discriminator="type")]
_VALIDATOR = TypeAdapter[AnyFact](Fact).validator


def decode_fact(value: bytes | None) -> AnyFact:
    """The fact in `value`.

    Raises:
        DecodeError: see `Record.decode`.
    """
    fact: AnyFact = decode_with(_VALIDATOR, value)
    return fact
