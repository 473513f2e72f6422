"""What stands against senders at this moment: looked at once a second, beside the routing."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from directory.caps import all_of
from directory.pool import Standing
from directory.snapshot import Directory
from ledger.errors import LedgerAwayError
from ledger.health import Health
from schemas.caps import Cap

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
#: Caps that are asked for in one call.
_CAPS: Final = 500


class Known(Protocol):
    """What is asked of the ledger; each call raises `LedgerAwayError` when it cannot answer."""

    async def health(self) -> Health: ...  # noqa: D102  # see ledger.Ledger
    async def used_up(self, caps: Sequence[Cap], /) -> frozenset[str]: ...  # noqa: D102  # likewise


class Outlook:
    """Keeps `standing` in step; while the ledger is away it stays as it was.

    Args:
        ledger: which knows.
        directory: whose caps are asked for, as it stands when called.
    """

    def __init__(self, ledger: Known, directory: Callable[[], Directory]) -> None:
        self._ledger = ledger
        self._directory = directory
        self._looking: asyncio.Task[None] | None = None
        self.standing = Standing()

    async def start(self) -> None:
        """Look from now on."""
        self._looking = asyncio.create_task(self._look_on())

    async def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))

    def check(self) -> None:
        """Raise what has ended the looking, if anything has."""
        if self._looking is not None and self._looking.done():
            self._looking.result()

    async def look(self) -> None:
        """See how things stand now.

        Raises:
            LedgerAwayError: nobody can tell.
        """
        health = await self._ledger.health()
        caps = all_of(self._directory())
        used_up: frozenset[str] = frozenset()
        for first in range(0, len(caps), _CAPS):
            used_up |= await self._ledger.used_up(caps[first : first + _CAPS])
        self.standing = Standing(health.closed_to_all, used_up)

    async def _look_on(self) -> None:
        while True:
            try:
                await self.look()
            except LedgerAwayError as e:
                log.debug("route.standing: %s", e)  # hand-overs hold, and say so
            await asyncio.sleep(_LOOK_SECONDS)
