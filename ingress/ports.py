"""What the doors need of the world: where to put records, and what is known of a message."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ingress.tracing import Headers
from ledger.view import First, Seen


class NotAcknowledgedError(Exception):
    """The broker has not acknowledged a record in time. It may still take it: nobody can tell."""


#: Hands the record of a message (`sms.messages.v1`) to the broker and returns once it is acknowledged;
#: takes the message's id, the record's value and its headers. Raises NotAcknowledgedError.
Publish = Callable[[str, bytes, Headers], Awaitable[None]]


class View(Protocol):
    """The status view, as the ledger has it. Both raise LedgerUnavailableError, or LedgerNotReadyError."""

    async def first(self, rows: Sequence[First]) -> None:
        """Write rows of sequence 0, never over another."""

    async def get(self, message_id: str) -> Seen:
        """What it shows of a message."""
