"""Waiting for messages to move: one look at the view for all that are waited for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ingress.bounded import within
from ledger import LedgerAwayError
from ledger.view import Seen

_LOG: Final = logging.getLogger(__name__)
#: Between two looks: about as often as the fold and the views write.
_PAUSE_SECONDS: Final = 0.02
#: For a look past the deadline, where there was none before.
_LAST_SECONDS: Final = 0.5
#: Messages in one look, so that it holds up nobody else.
_MOST: Final = 500


@dataclass(eq=False)
class _Waiter:
    message_id: str
    enough: Callable[[Seen], bool]
    done: asyncio.Future[None]
    seen: Seen | None = None


class Watching:
    """Looks at messages for as long as somebody waits for them. `look` is the ledger's `get_many`."""

    def __init__(self, look: Callable[[Sequence[str]], Awaitable[Sequence[Seen]]]) -> None:
        self._look = look
        self._waiters: set[_Waiter] = set()
        self._task: asyncio.Task[None] | None = None

    async def until(self, message_id: str, enough: Callable[[Seen], bool], deadline: float) -> Seen | None:
        """What was seen of the message last: when it was `enough`, or at `deadline`.

        A ledger that is away is asked again; None: it never answered.

        Args:
            message_id: the message.
            enough: whether there is no more to wait for; quick, and does not raise.
            deadline: in the event loop's time.
        """
        waiter = _Waiter(message_id, enough, asyncio.get_running_loop().create_future())
        self._waiters.add(waiter)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout_at(deadline):
                await waiter.done
        except TimeoutError:
            pass  # the last that was seen is the answer
        finally:
            self._waiters.discard(waiter)
        return waiter.seen or await self._last(message_id)

    async def _last(self, message_id: str) -> Seen | None:
        """For who came with hardly any time left."""
        try:
            [seen] = await within(self._look([message_id]), _LAST_SECONDS)
        except LedgerAwayError:
            return None
        return seen

    async def _run(self) -> None:
        try:
            while self._waiters:
                try:
                    await self._round(list(self._waiters))
                except Exception as error:  # noqa: BLE001  whoever waits is answered at the deadline
                    _LOG.warning("view.unavailable waiting=%d error=%r", len(self._waiters), error)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._task = None

    async def _round(self, waiters: Sequence[_Waiter]) -> None:
        for start in range(0, len(waiters), _MOST):
            part = waiters[start : start + _MOST]
            found = await self._look([waiter.message_id for waiter in part])
            for waiter, seen in zip(part, found, strict=True):
                waiter.seen = seen
                if waiter.enough(seen) and not waiter.done.done():
                    waiter.done.set_result(None)
