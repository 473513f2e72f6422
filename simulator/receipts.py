"""Which statuses an accepted message will reach, when, and when each is told: pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from simulator.faults import Receipts
from simulator.messages import Receipt

_LEAST_STEP: Final = 0.01
"""Seconds between callbacks in reversed order where the statuses follow at once."""


class Status(NamedTuple):
    """A status in the provider's words, with its error code if it is a failure."""

    word: str
    code: str | None = None


def plan(statuses: Sequence[Status], fault: Receipts | None, delay: float) -> tuple[Receipt, ...]:
    """The receipts of a message that goes through `statuses`.

    Args:
        statuses: in the order in which they are reached.
        fault: what was scripted for its receipts.
        delay: seconds from one status to the next.
    """
    fault = fault or Receipts(kind="receipts")
    if fault.delay_ms is not None:
        delay = fault.delay_ms / 1000
    if fault.when == "early":
        delay = 0.0
    reached = [delay * (place + 1) for place in range(len(statuses))]
    told: Sequence[float | None] = reached
    if fault.when == "never":
        told = [None] * len(statuses)
    elif fault.order == "reversed":
        # Told only once all are reached: a callback cannot run ahead of its own status.
        last, step = max(reached, default=0.0), max(delay, _LEAST_STEP)
        told = [last + step * (len(statuses) - 1 - place) for place in range(len(statuses))]
    return tuple(
        Receipt(
            status=status.word,
            code=status.code,
            reached=at,
            told=leaves,
            copies=fault.copies,
            signature=fault.signature,
            skew=fault.skew_seconds,
            spoiled_attempts=fault.spoiled_attempts,
        )
        for status, at, leaves in zip(statuses, reached, told, strict=True)
    )
