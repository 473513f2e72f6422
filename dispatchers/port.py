"""What the dispatchers need of a provider: one method that hands a message over, once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas.provider import Outcome
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


class ProviderPort(Protocol):
    """One account at one provider."""

    async def send(self, handover: Handover) -> Outcome:
        """Hand the message over with at most one POST.

        Never raises for anything that the network or the provider does. When `still_mine()` says no,
        nothing is written and the outcome is `Unavailable`.
        """
        ...

    async def close(self) -> None:
        """Give up connections and threads; nothing may be in flight."""
        ...
