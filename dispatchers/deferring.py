"""Takes tasks for which there is no room to the waiting topics, in batches, beside everything else."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from dispatchers.failover import GivenUp, Trouble, may_fail_over
from dispatchers.journal import Later, later
from dispatchers.lines import Item
from dispatchers.shares import Leaving
from dispatchers.steps import Steps, hand_back, ids
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger.places import Place
from schemas.failpoints import Point, reached

#: Most tasks of one batch: one look, one script call, one wait for the broker.
_BATCH: Final = 500
#: No more is read while so many are on their way.
_ROOM: Final = 2 * _BATCH
#: How often it is looked for what is at hand for too long.
_SWEEP_SECONDS: Final = 1.0


class Deferring:
    """What must leave the window lies in a waiting topic, acknowledged, before its record is finished.

    `voids` is told of items whose standing intents are to be voided.
    """

    def __init__(self, window: Window, tools: Tools, voids: Callable[[Sequence[Item]], None]) -> None:
        self._window = window
        self._tools = tools
        self._voids = voids
        self._steps = Steps(window, tools)
        self._leaving: deque[Leaving] = deque()
        self._busy = False
        self._bell = asyncio.Event()
        self._moved = asyncio.Event()

    def add(self, leaving: Sequence[Leaving]) -> None:
        """These go to wait."""
        self._leaving.extend(leaving)
        if leaving:
            self._bell.set()

    @property
    def full(self) -> bool:
        """Whether nothing more should be read for now."""
        return len(self._leaving) >= _ROOM

    async def moved(self, seconds: float) -> None:
        """Until the next batch is gone, or for `seconds`."""
        self._moved.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing is on its way, at most for `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._leaving or self._busy:
                    await self.moved(seconds)

    async def run(self) -> None:
        """For ever: take away what leaves."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            while self._leaving:
                many = min(_BATCH, len(self._leaving))
                self._busy = True
                await self._defer([self._leaving.popleft() for _ in range(many)])
                self._busy = False
                self._moved.set()

    async def sweep(self) -> None:
        """For ever: have what is at hand for too long leave."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            found = self._window.overstaying(self._tools.now())
            self._voids([one.item for one in found])
            self.add(found)

    async def _defer(self, batch: Sequence[Leaving]) -> None:
        left = await self._still_to_go([one for one in batch if not one.item.line.revoked])
        if not left:
            return
        now = self._tools.now()
        over = {
            one.item: given_up
            for one in left
            if (given_up := _held_up(one)) is not None and may_fail_over(one.item.task, now)
        }
        # Another sender may have its turn sooner.
        await hand_back(list(over.items()), self._tools)
        await self._wait([one for one in left if one.item not in over])

    async def _wait(self, left: Sequence[Leaving]) -> None:
        if not left:
            return
        places = await self._tools.ask(lambda ledger: ledger.place([one.wish for one in left]))
        now = self._tools.now()
        await self._tools.journal.write(
            [_later(one, place, now) for one, place in zip(left, places, strict=True)]
        )
        reached(Point.DISPATCH_DEFERRED)
        for one in left:
            one.item.finish()

    async def _still_to_go(self, batch: Sequence[Leaving]) -> list[Leaving]:
        """Without those that ended while they waited: they hold up nobody's place."""
        again = [one.item for one in batch if one.wish.again]
        if not again:
            return list(batch)
        found = await self._tools.ask(lambda ledger: ledger.look(ids(again)))
        going = set(await self._steps.do(list(zip(again, found, strict=True))))
        return [one for one in batch if not one.wish.again or one.item in going]


def _held_up(leaving: Leaving) -> GivenUp | None:
    """By what of its sender, so that another one may be of more use; None: by nothing of the kind."""
    if leaving.stopped:
        return GivenUp(f"the breaker of account {leaving.item.task.account} is open", Trouble.ACCOUNT)
    return GivenUp("its day cap is used up", Trouble.NUMBER) if leaving.capped else None


def _later(leaving: Leaving, place: Place, now: int) -> Later:
    item = leaving.item
    at, turn = leaving.back_at(place, now)
    task = item.task.model_copy(update={"record": item.record, "turn": turn})
    return later(task, at)
