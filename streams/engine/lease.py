"""The right to produce: held while the group's coordinator has lately answered that we are a member."""

import asyncio
import time
from typing import Final

#: Goes on while the process is stopped and, on Linux, while the machine is suspended.
CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
POLL_SECONDS: Final = 0.01


def clock() -> float:
    """Seconds on `CLOCK`."""
    return time.clock_gettime(CLOCK)


class Lease:
    """Closes: a process that stood still past its session wakes as a zombie and writes after the new owner.

    The coordinator gives partitions away a whole session after the last heartbeat that it got. We stop
    producing half a session after we *sent* the last one that it answered, until it answers again. Where its
    answer is that we are no member any more, `Member` ends the process.

    Written by the consumer's thread, read by the producer's.
    """

    def __init__(self, session_seconds: float) -> None:
        self._lasts = session_seconds / 2
        self._until = clock()

    def renew(self, sent: float) -> None:
        """The coordinator confirmed a request that was sent at `sent` (by `clock`)."""
        self._until = max(self._until, sent + self._lasts)

    def valid(self, now: float) -> bool:
        """Whether producing at `now` is safe."""
        return now < self._until

    async def hold(self) -> None:
        """Return when producing is safe."""
        while not self.valid(clock()):  # noqa: ASYNC110  # an Event cannot be set by another thread
            await asyncio.sleep(POLL_SECONDS)
