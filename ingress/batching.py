"""One call for what has gathered since the last: rounds cost, not records (docs/architecture.md)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from ledger import LedgerUnavailableError

_T = TypeVar("_T")
_R = TypeVar("_R")
#: In one call: a script of the ledger holds up everybody else while it runs.
_MOST: Final = 500


class Gathered(Generic[_T, _R]):
    """Calls `call` with everything that came while the call before was under way, one call at a time.

    Alone, an item goes at once. `call` answers each item, in order. Whoever handed an item in waits for its
    own call, and gets its own answer, or the call's error. A ledger that does not answer one call does not
    answer the next: everybody who waits is told then, or the line would grow for as long as it hangs. How
    long a call may take is for `call` to say: who waits in line while this process is busy is not refused.
    """

    def __init__(self, call: Callable[[Sequence[_T]], Awaitable[Sequence[_R]]]) -> None:
        self._call = call
        self._waiting: list[tuple[_T, asyncio.Future[_R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: _T) -> _R:
        """The answer to `item`; raises what its call raised, or LedgerUnavailableError of the one before."""
        answer: asyncio.Future[_R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while batch := self._next():
                try:
                    found = await self._call([item for item, _ in batch])
                    answers = list(zip(batch, found, strict=True))
                except LedgerUnavailableError as error:
                    _fail(batch + self._waiting, error)
                    self._waiting = []
                except Exception as error:  # noqa: BLE001  whoever waits raises it again
                    _fail(batch, error)
                else:
                    for (_, answer), result in answers:
                        if not answer.done():
                            answer.set_result(result)
        finally:
            self._task = None

    def _next(self) -> list[tuple[_T, asyncio.Future[_R]]]:
        """What goes with the next call: nothing whose answer nobody waits for any more."""
        waiting = [one for one in self._waiting if not one[1].done()]
        self._waiting = waiting[_MOST:]
        return waiting[:_MOST]


def _fail(batch: Sequence[tuple[_T, asyncio.Future[_R]]], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
