"""What the dispatchers need of a provider: to hand a message over, once, and to be told what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas.facts import ReceiptStatus
from schemas.provider import Accepted, Fault, Outcome, Rejected
from schemas.tasks import Task


@dataclass(frozen=True)
class Handover:
    """One message, claimed and about to leave."""

    task: Task
    #: This attempt's own name; where a provider knows idempotency keys it is the key.
    nonce: str
    #: Where the provider is to report on this hand-over (`schemas.callback`).
    callback_url: str
    #: Whether the claim still holds. Asked last before the socket is written, from any thread.
    still_mine: Callable[[], bool]


@dataclass(frozen=True)
class ById:
    """What became of the message that the provider took under this id of its own."""

    provider_message_id: str


@dataclass(frozen=True)
class ByHandover:
    """What became of a hand-over that was never answered.

    Twilio lists what it has of this sender and recipient. Telnyx is sent the same request again, which it
    carries out only if it never did: `still_mine` is asked as for a hand-over.
    """

    handover: Handover
    #: When it was handed over, at the earliest and at the latest, in milliseconds since the epoch.
    since: int
    until: int


Question = ById | ByHandover


@dataclass(frozen=True)
class Standing:
    """What the provider says that became of a message."""

    status: ReceiptStatus
    #: The provider's error code as text, and what it means to us.
    code: str | None = None
    fault: Fault | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Found:
    """The provider has taken the message."""

    accepted: Accepted
    #: None where it has not moved yet.
    standing: Standing | None = None


@dataclass(frozen=True)
class Refused:
    """The provider has refused the message for good: it was not sent."""

    rejected: Rejected


@dataclass(frozen=True)
class NotFound:
    """The provider shows no such message. That proves nothing: it may show it later."""


@dataclass(frozen=True)
class Several:
    """More than one message could be it."""

    count: int


@dataclass(frozen=True)
class NoAnswer:
    """Nothing was learned: not reached, throttled, refused the question, or an answer that cannot be read."""

    detail: str
    #: The provider's `Retry-After` in seconds, as it was told.
    retry_after: float | None = None


Answer = Found | Refused | NotFound | Several | NoAnswer


class ProviderPort(Protocol):
    """One account at one provider."""

    async def send(self, handover: Handover) -> Outcome:
        """Hand the message over with at most one POST.

        Never raises for anything that the network or the provider does. When `still_mine()` says no,
        nothing is written and the outcome is `Unavailable`.
        """
        ...

    async def ask(self, question: Question) -> Answer:
        """Ask what became of a hand-over, with at most one request.

        Never raises for anything that the network or the provider does. A provider that cannot be asked
        gives `NoAnswer`.
        """
        ...

    async def close(self) -> None:
        """Give up connections and threads; nothing may be in flight."""
        ...
