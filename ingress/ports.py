"""What the doors need of the world: where to put records, and what the ledger knows of messages and keys."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ledger.claims import Cancel, Claim
from ledger.health import Health
from ledger.holds import Answer, Found, Hold
from ledger.optouts import Reach
from ledger.queues import Queues
from ledger.sticky import Pair, Remembered
from ledger.view import First, Seen
from schemas.base import Millis
from schemas.caps import Cap
from schemas.tracing import Headers


class NotAcknowledgedError(Exception):
    """The broker has not acknowledged a record in time. It may still take it: nobody can tell."""


#: Hands a record to the broker and returns once it is acknowledged; takes topic, message id (the record's
#: key), value and headers. Raises NotAcknowledgedError.
Publish = Callable[[str, str, bytes, Headers], Awaitable[None]]


class View(Protocol):
    """The status view. All methods of the ledger raise LedgerUnavailableError, or LedgerNotReadyError."""

    async def first(self, rows: Sequence[First]) -> None:
        """Write rows of sequence 0, never over another; the hold whose token one names ends with it."""

    async def get(self, message_id: str) -> Seen:
        """What it shows of a message."""

    async def get_many(self, ids: Sequence[str]) -> list[Seen]:
        """What it shows of each of them."""


class Keys(Protocol):
    """Idempotency keys that were used, by the message ids that are made of them."""

    async def hold(self, asks: Sequence[Hold]) -> list[Found]:
        """Take each key for a while if it is free, and say what is known of it."""

    async def release(self, message_id: str, token: str) -> None:
        """The hold is over; the key stays bound to its content."""

    async def answered(self, message_id: str, token: str, answer: Answer, forget_at: Millis) -> Answer:
        """Keep the answer unless there is one, and say which is kept; the hold is over."""


class Recipients(Protocol):
    """What is known of recipients."""

    async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
        """Whether each does not want what is of these scopes."""

    async def landlines(self, numbers: Sequence[str]) -> set[str]:
        """Those of which a provider has said, not long ago, that they are landlines."""


class Prospects(Recipients, Protocol):
    """What the choice of a sender would depend on now."""

    async def sticky(self, pairs: Sequence[Pair]) -> Remembered:
        """The numbers that recipients last saw from use cases."""

    async def health(self) -> Health:
        """Open breakers."""

    async def used_up(self, caps: Sequence[Cap]) -> frozenset[str]:
        """The names of the day caps that leave nothing for today."""


class Store(View, Keys, Protocol):
    """The ledger, as the REST door needs it."""

    async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
        """Close each claim as cancelled where nothing was handed over; the claims as they now are."""

    async def queues(self, organization: str, now: Millis) -> Queues:
        """How many messages wait, are being handed over, and failed of late, by provider."""
