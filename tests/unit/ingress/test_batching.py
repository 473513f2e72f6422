"""What gathers while a call is under way goes with the next one; an error reaches those it concerns."""

import asyncio
from collections.abc import Sequence

import pytest

from ingress.batching import Gathered


class Slow:
    """A write that ends when it is told to."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.called = asyncio.Semaphore(0)
        self.go = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> None:
        self.calls.append(list(items))
        self.called.release()
        await self.go.acquire()
        if self.error is not None:
            raise self.error


async def test_one_call_at_a_time_with_all_that_came() -> None:
    slow = Slow()
    gathered = Gathered(slow)
    first = asyncio.create_task(gathered(1))
    await slow.called.acquire()
    others = [asyncio.create_task(gathered(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    assert slow.calls == [[1]]
    slow.go.release()
    await first
    await slow.called.acquire()
    assert slow.calls == [[1], [2, 3]]
    slow.go.release()
    await asyncio.gather(*others)


async def test_an_error_is_raised_for_its_batch_only() -> None:
    slow = Slow()
    gathered = Gathered(slow)
    slow.error = OSError("away")
    failing = asyncio.create_task(gathered(1))
    await slow.called.acquire()
    slow.go.release()
    with pytest.raises(OSError, match="away"):
        await failing
    slow.error = None
    slow.go.release()
    await gathered(2)


async def test_who_gives_up_does_not_stop_the_others() -> None:
    slow = Slow()
    gathered = Gathered(slow)
    impatient, patient = asyncio.create_task(gathered(1)), asyncio.create_task(gathered(2))
    await slow.called.acquire()
    impatient.cancel()
    slow.go.release()
    await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient
