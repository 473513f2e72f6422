"""How many messages of an organization are where. Opens nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.base import Millis
from schemas.provider import Provider


@dataclass(frozen=True, slots=True)
class Queue:
    """The figures of one provider."""

    #: Accepted, and not being handed over.
    pending: int
    #: Being handed over, or handed over with an outcome that is not known.
    active: int
    #: Failed or undelivered within the last 24 hours.
    failed: int
    #: When the oldest of the pending ones was accepted; None where there is none.
    oldest_pending_at: Millis | None


@dataclass(frozen=True, slots=True)
class Queues:
    """The figures of every provider. `whole`: see `ledger.view.Seen`; else they may be too low."""

    whole: bool
    queues: dict[Provider, Queue]


def queues(whole: int, found: Sequence[tuple[int, int, int, bytes | None]]) -> Queues:
    """What `queues.lua` answers for all providers, in their order."""
    return Queues(
        bool(whole), {provider: _queue(*its) for provider, its in zip(Provider, found, strict=True)}
    )


def _queue(pending: int, active: int, failed: int, oldest: bytes | None) -> Queue:
    return Queue(pending, active, failed, None if oldest is None else int(float(oldest)))
