"""What gathers while a call is under way goes with the next one; an error reaches those it concerns."""

import asyncio
from collections.abc import Sequence

import pytest

from ingress.batching import Gathered
from ledger import LedgerUnavailableError


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


async def test_a_ledger_that_does_not_answer_is_not_asked_by_one_batch_after_the_other() -> None:
    """One call for each 500 of those who wait, each as long as the timeout, is a line without end."""
    slow = Slow()
    slow.error = LedgerUnavailableError("no answer")
    gathered = Gathered(slow)
    waiting = [asyncio.create_task(gathered(n)) for n in range(1200)]
    await slow.called.acquire()
    late = asyncio.create_task(gathered(1200))
    await asyncio.sleep(0)
    slow.go.release()
    async with asyncio.timeout(10):
        found = await asyncio.gather(*waiting, late, return_exceptions=True)
    assert {type(one) for one in found} == {LedgerUnavailableError}
    assert [len(call) for call in slow.calls] == [500]
    # Who comes next finds out anew.
    slow.error = None
    slow.go.release()
    assert await gathered(1) == "answer 1"


async def test_what_nobody_waits_for_any_more_is_not_asked() -> None:
    slow = Slow()
    gathered = Gathered(slow)
    first = asyncio.create_task(gathered(1))
    await slow.called.acquire()
    gone, there = asyncio.create_task(gathered(2)), asyncio.create_task(gathered(3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    slow.go.release()
    slow.go.release()
    assert [await first, await there] == ["answer 1", "answer 3"]
    assert slow.calls == [[1], [3]]


async def test_when_all_have_gone_nobody_is_asked() -> None:
    slow = Slow()
    gathered = Gathered(slow)
    first = asyncio.create_task(gathered(1))
    await slow.called.acquire()
    gone = asyncio.create_task(gathered(2))
    await asyncio.sleep(0)
    gone.cancel()
    slow.go.release()
    slow.go.release()
    async with asyncio.timeout(10):
        assert await first == "answer 1"
        assert await gathered(3) == "answer 3"
    assert slow.calls == [[1], [3]]
