"""How tables come back: Faust's recovery, without its race, by batch instead of by record."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

import faust
from faust.tables.manager import TableManager as _TableManager
from faust.tables.recovery import Recovery as _Recovery
from faust.types import TP
from mode import Service

from streams.engine.batch import Record
from streams.engine.exits import Exit, die


class Rows(Protocol):
    """What recovery needs of a table."""

    name: str
    changelog: str

    def restore(self, partition: int, records: Sequence[Record]) -> None:
        """Apply changelog records, oldest first; raise what ends the process."""

    def drop(self, partition: int) -> None:
        """Forget a partition's rows."""


class Changelogged(faust.Table):  # type: ignore[misc]  # untyped upstream
    """What Faust sees of a table: a name with a changelog. Its own store stays empty."""

    def __init__(self, app: Any, rows: Rows, partitions: int) -> None:
        super().__init__(
            app,
            name=rows.name,
            partitions=partitions,
            key_type=bytes,
            value_type=bytes,
            beacon=app.tables.beacon,
        )
        self.rows = rows

    async def on_rebalance(self, assigned: Any, revoked: set[TP], *rest: Any) -> None:
        """Forget the rows of partitions that went away."""
        await super().on_rebalance(assigned, revoked, *rest)
        for tp in revoked:
            if tp.topic == self.rows.changelog:
                self.rows.drop(tp.partition)


class Recovery(_Recovery):  # type: ignore[misc]  # untyped upstream
    """Closes: upstream issue 596, and a changelog record that cannot be applied, which Faust logs and skips.

    Also keeps count of what this worker wrote itself: a rebalance replays only what it did not.
    """

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Hold the flow until every source is sought back (596).

        Faust resumes the sources first: records that arrive in between are dropped, and committed over.
        """
        self.app.flow_control.suspend()
        self.app.consumer.stop_flow()
        await super().on_recovery_completed(generation_id)

    def _set_recovery_started(self) -> None:
        super()._set_recovery_started()
        self.signal_recovery_end.clear()

    @Service.task  # type: ignore[untyped-decorator]  # untyped upstream
    async def _slurp_changelogs(self) -> None:
        """Nothing: records come by `feed`. Faust's loop would clear the end signal now and then."""

    def feed(self, tp: TP, records: Sequence[Record]) -> None:
        """Apply fetched changelog records, and end the recovery with the last one that it waits for."""
        if tp not in self.active_tps:
            return
        seen = self.active_offsets.get(tp)
        fresh = [record for record in records if seen is None or record.offset > seen]
        if fresh:
            try:
                self.tp_to_table[tp].rows.restore(tp.partition, fresh)
            except Exception as exc:  # noqa: BLE001  # whatever it is, the table would be wrong
                die(Exit.RECOVERY, "changelog %s from offset %d: %r", tp, fresh[0].offset, exc)
            self.active_offsets[tp] = fresh[-1].offset
            self._active_events_received_at[tp] = time.monotonic()
        if self.in_recovery and not self.need_recovery():
            self._set_recovery_ended()
            self.signal_recovery_end.set()

    def wrote(self, tp: TP, base: int, count: int) -> None:
        """The broker confirmed `count` records of ours from offset `base` on: no need to read them back.

        Only where nothing lies between: a foreign record there must be read. `base` is -1 where unknown.
        """
        if base >= 0 and self.active_offsets.get(tp) == base - 1:
            self.active_offsets[tp] = base + count - 1


class TableManager(_TableManager):  # type: ignore[misc]  # untyped upstream
    """Starts without Faust's fixed second of sleep, with the `Recovery` above."""

    _recovery: Recovery | None

    async def on_start(self) -> None:
        """Agents and tables are all declared before the app starts: nothing to wait for."""
        await asyncio.sleep(0)
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    @property
    def recovery(self) -> Recovery:
        """Ours instead of Faust's."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
