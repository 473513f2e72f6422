"""One call for what has gathered since the last: rounds cost, not records (docs/architecture.md)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Gathered(Generic[_T]):
    """Calls `write` with everything that came while the call before was under way, one call at a time.

    Alone, an item goes at once. Whoever handed an item in waits for its own call, and gets its error.
    """

    def __init__(self, write: Callable[[Sequence[_T]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[_T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: _T) -> None:
        """Return once `item` is written; raise what `write` raised for it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._write([item for item, _ in batch])
                except Exception as error:  # noqa: BLE001  whoever waits raises it again
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(error)
                else:
                    for _, done in batch:
                        if not done.done():
                            done.set_result(None)
        finally:
            self._task = None
