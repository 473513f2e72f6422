"""What aiokafka runs in the consumer's thread besides the connection: the group's member and the fetcher."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator

from streams.engine.exits import Exit, die


class Member(GroupCoordinator):  # type: ignore[misc]  # untyped upstream
    """Closes: a member thrown out rejoins, and its unconfirmed writes land after the new owner's."""

    def reset_generation(self) -> None:
        """The coordinator does not know us any more, or we leave.

        Harmless between giving partitions up and getting new ones (nothing of ours is unconfirmed then) and
        while closing.
        """
        if not self._performed_join_prepare and not self._closing.done():
            die(Exit.PAUSED, "thrown out of group %s: stopped or cut off past the session", self.group_id)
        super().reset_generation()

    def _push_error_to_user(self, exc: BaseException) -> Any:
        """The group cannot go on.

        Closes: aiokafka tells it to whoever reads next, and waits for that. While nothing is assigned nobody
        reads: a worker that may not join its group would neither begin nor end.
        """
        if not self._closing.done():
            die(Exit.CRASH, "group %s: %r", self.group_id, exc)
        return super()._push_error_to_user(exc)


IDLE_WAIT_MS: Final = 500
"""How long the broker may hold a fetch that finds nothing; what a rebalance asks next waits behind it."""
REBALANCING_WAIT_MS: Final = 50
"""Likewise in a rebalance: the sources' first fetch waits behind the last one of the changelogs."""


class PacedFetcher(Fetcher):  # type: ignore[misc]  # untyped upstream
    """Saves CPU: one fetch per `pace` seconds at most, answered at once with all there is; idle, a long poll.

    Cost lies in the rounds, not in the records. (`fetch_min_bytes` would hold back a lone record, and let an
    idle worker ask 50 times a second.)
    """

    pace: float
    rebalancing: Callable[[], bool]
    _last = 0.0

    def _get_actions_per_node(self, assignment: Any) -> Any:
        self._fetch_max_wait_ms = REBALANCING_WAIT_MS if self.rebalancing() else IDLE_WAIT_MS
        return super()._get_actions_per_node(assignment)

    async def _proc_fetch_request(self, *args: Any) -> bool:
        wait = self._last + self.pace - time.monotonic()
        if wait > 0:
            try:
                await asyncio.sleep(wait)
            except asyncio.CancelledError:  # closing, or unassigned: as where the request is under way
                return False
        self._last = time.monotonic()
        has_data: bool = await super()._proc_fetch_request(*args)
        return has_data
