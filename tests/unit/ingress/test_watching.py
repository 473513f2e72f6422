"""One look for all who wait, only while somebody does."""

import asyncio
from collections.abc import Sequence

from ingress.watching import Watching
from ledger import LedgerUnavailableError
from ledger.claims import Absent, Closed
from ledger.view import Seen

NOTHING = Seen(None, Absent(), whole=True)
THERE = Seen(None, Closed("sent", 1), whole=True)


class Ledger:
    """Answers as `found` says; every look is counted, and heard of."""

    def __init__(self) -> None:
        self.found: dict[str, Seen] = {}
        self.looks: list[list[str]] = []
        self.looked = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def __call__(self, ids: Sequence[str]) -> list[Seen]:
        self.looks.append(sorted(ids))
        self.looked.release()
        # As a server does: no answer without a turn of the loop.
        for _ in range(3):
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return [self.found.get(id_, NOTHING) for id_ in ids]

    async def asked(self) -> None:
        """Until it is asked once more."""
        async with asyncio.timeout(10):
            await self.looked.acquire()


def there(seen: Seen) -> bool:
    return seen is THERE


def soon(seconds: float = 10) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_who_waits_is_told_when_there_is_enough_to_tell() -> None:
    ledger = Ledger()
    waiting = asyncio.create_task(Watching(ledger).until("a", there, soon()))
    await ledger.asked()
    await ledger.asked()
    ledger.found["a"] = THERE
    assert await waiting is THERE


async def test_all_who_wait_share_a_look() -> None:
    """Two of the same message too: a repeat, or its cancel."""
    ledger = Ledger()
    watching = Watching(ledger)
    waiting = [asyncio.create_task(watching.until(id_, there, soon())) for id_ in ("a", "b", "a")]
    await ledger.asked()
    assert ledger.looks == [["a", "a", "b"]]
    ledger.found = {"a": THERE, "b": THERE}
    assert await asyncio.gather(*waiting) == [THERE] * 3


async def test_at_the_deadline_the_last_that_was_seen_is_told() -> None:
    ledger = Ledger()
    assert await Watching(ledger).until("a", there, soon(0.1)) is NOTHING


async def test_who_has_no_time_left_is_told_what_is_there() -> None:
    """A produce that took long must not make the answer say that nothing is known."""
    ledger = Ledger()
    ledger.found["a"] = THERE
    assert await Watching(ledger).until("a", there, soon(-1)) is THERE


async def test_a_ledger_that_is_away_is_asked_again() -> None:
    ledger = Ledger()
    ledger.error = LedgerUnavailableError("timeout")
    waiting = asyncio.create_task(Watching(ledger).until("a", there, soon()))
    for _ in range(3):
        await ledger.asked()
    ledger.error, ledger.found["a"] = None, THERE
    assert await waiting is THERE


async def test_of_a_ledger_that_stays_away_nothing_is_known() -> None:
    ledger = Ledger()
    ledger.error = LedgerUnavailableError("timeout")
    assert await Watching(ledger).until("a", there, soon(0.05)) is None


async def test_one_who_gives_up_does_not_end_the_others_wait() -> None:
    ledger = Ledger()
    watching = Watching(ledger)
    impatient = asyncio.create_task(watching.until("a", there, soon()))
    patient = asyncio.create_task(watching.until("b", there, soon()))
    await ledger.asked()
    impatient.cancel()
    await asyncio.wait([impatient])
    ledger.found["b"] = THERE
    assert await patient is THERE


async def test_nobody_is_asked_once_nobody_waits() -> None:
    ledger = Ledger()
    ledger.found["a"] = THERE
    watching = Watching(ledger)
    before = asyncio.all_tasks()
    await watching.until("a", there, soon())
    left = asyncio.all_tasks() - before
    await asyncio.wait_for(asyncio.gather(*left), 10)
    assert len(ledger.looks) == 1
    assert await watching.until("a", there, soon()) is THERE
