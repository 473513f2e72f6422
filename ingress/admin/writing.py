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


class ChangedMeanwhileError(Exception):
    """Another writer was first with the entity; nothing was changed."""


#: Writes a change and returns once the directory shows it. Raises NotAcknowledgedError where it does not in
#: time (it may do so later), and ChangedMeanwhileError.
Write = Callable[[Change], Awaitable[None]]


class Writing:
    """Changes one at a time, so that requests to one process do not race; `write` tells races of others."""

    def __init__(self, directory: Callable[[], Directory], write: Write) -> None:
        self._directory = directory
        self._write = write
        self._turn = asyncio.Lock()

    async def change(self, decide: Decide, by: str) -> tuple[Change | None, Directory] | Problem:
        """What was written (None: it was so already), and the directory then.

        Args:
            decide: what the request means.
            by: the id of the API key, for the log.
        """
        async with self._turn:
            decision = decide(self._directory())
            if isinstance(decision, Problem):
                return decision
            if decision is not None:
                try:
                    await self._write(decision)
                except ChangedMeanwhileError:
                    return passing(
                        Code.CHANGED_MEANWHILE,
                        f"{decision.kind} {decision.id} was changed by another request at the same moment",
                    )
                except NotAcknowledgedError as error:
                    _LOG.warning(
                        "admin.unavailable kind=%s id=%s error=%r", decision.kind, decision.id, error
                    )
                    return passing(
                        Code.BROKER_UNAVAILABLE,
                        "The change was not acknowledged in time and may still be made. Read it first",
                    )
                _LOG.info(
                    "admin.changed action=%s kind=%s id=%s organization=%s version=%d fields=%s by=%s",
                    decision.action, decision.kind, decision.id, decision.organization, decision.version,
                    ",".join(decision.fields), by,
                )  # fmt: skip
            return decision, self._directory()
