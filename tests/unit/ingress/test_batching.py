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

    async def __call__(self, items: Sequence[int]) -> list[str]:
        self.calls.append(list(items))
        self.called.release()
        await self.go.acquire()
        if self.error is not None:
            raise self.error
        return [f"answer {item}" for item in items]


async def test_one_call_at_a_time_with_all_that_came() -> None:
    slow = Slow()
    gathered = Gathered(slow)
    first = asyncio.create_task(gathered(1))
    await slow.called.acquire()
    others = [asyncio.create_task(gathered(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    assert slow.calls == [[1]]
    slow.go.release()
    assert await first == "answer 1"
    await slow.called.acquire()
    assert slow.calls == [[1], [2, 3]]
    slow.go.release()
    assert await asyncio.gather(*others) == ["answer 2", "answer 3"]


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
    assert await gathered(2) == "answer 2"


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


async def test_no_call_is_without_end() -> None:
    """A script of the ledger holds up everybody else while it runs."""
    slow = Slow()
    slow.go = asyncio.Semaphore(100)
    gathered = Gathered(slow)
    found = await asyncio.gather(*map(gathered, range(1200)))
    assert found == [f"answer {n}" for n in range(1200)]
    assert [len(call) for call in slow.calls] == [500, 500, 200]


async def test_a_call_that_forgets_somebody_is_an_error_not_a_silence() -> None:
    async def forgetful(items: Sequence[int]) -> list[str]:
        return [str(item) for item in items[1:]]

    with pytest.raises(ValueError, match="shorter"):
        await Gathered(forgetful)(1)
