"""The one place that changes the directory for a request: decides, writes, and reads back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from directory.changes import Change
from directory.snapshot import Directory
from ingress.admin.deciding import Decide
from ingress.codes import Code
from ingress.ports import NotAcknowledgedError
from ingress.problems import Problem, passing

_LOG: Final = logging.getLogger(__name__)
#: How long a request waits for those before it. Each takes milliseconds, unless the broker is away.
_PATIENCE_SECONDS: Final = 10.0


class ChangedMeanwhileError(Exception):
    """Another writer was first with the entity; nothing was changed."""


#: Writes a change and returns once the directory shows it. Raises NotAcknowledgedError where it does not in
#: time (it may do so later), and ChangedMeanwhileError.
Write = Callable[[Change], Awaitable[None]]


class Writing:
    """Changes one at a time, so that requests to one process do not race; `write` tells races of others."""

    def __init__(
        self, directory: Callable[[], Directory], write: Write, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._directory = directory
        self._write = write
        self._patience = patience_seconds
        self._turn = asyncio.Lock()

    async def change(self, decide: Decide, by: str) -> tuple[Change | None, Directory] | Problem:
        """What was written (None: it was so already), and the directory then.

        Args:
            decide: what the request means.
            by: the id of the API key, for the log.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            return passing(
                Code.BROKER_UNAVAILABLE, "Changes before this one wait for the broker. Nothing was changed"
            )
        try:
            decision = decide(self._directory())
            if isinstance(decision, Change):
                problem = await self._written(decision, by)
                return problem or (decision, self._directory())
            return decision if isinstance(decision, Problem) else (None, self._directory())
        finally:
            self._turn.release()

    async def _written(self, change: Change, by: str) -> Problem | None:
        what = f"{change.kind} {change.id}"
        try:
            await self._write(change)
        except ChangedMeanwhileError:
            return passing(
                Code.CHANGED_MEANWHILE, f"{what} was changed by another request at the same moment"
            )
        except NotAcknowledgedError as error:
            _LOG.warning("admin.unavailable kind=%s id=%s error=%r", change.kind, change.id, error)
            return passing(
                Code.BROKER_UNAVAILABLE,
                "The change was not acknowledged in time and may still be made. Read it first",
            )
        _LOG.info(
            "admin.changed action=%s kind=%s id=%s organization=%s version=%d fields=%s by=%s",
            change.action, change.kind, change.id, change.organization, change.version,
            ",".join(change.fields), by,
        )  # fmt: skip
        return None
