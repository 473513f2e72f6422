"""Each guard taken out of the engine, in a worker's process: the naive build that a test must see fail."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

import faust
import faust.transport.drivers.aiokafka as driver
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP

from streams.engine.agent import _Pump
from streams.engine.app import App
from streams.engine.batch import Batch, Record
from streams.engine.consumer import Consumer
from streams.engine.lease import Lease
from streams.engine.member import Member
from streams.engine.output import Producer
from streams.engine.recovery import Recovery
from streams.engine.table import Table
from streams.engine.thread import ConsumerThread
from tests.broker.engine.job import PARTITIONS

log = logging.getLogger("guards")


def replace(owner: type, name: str, function: Any) -> None:
    setattr(owner, name, function)


def delivery() -> None:
    """Batches are acknowledged when the broker has answered, whatever it answered."""

    async def delivered(_: _Pump, output: Any) -> None:
        await asyncio.wait((output.future,))

    replace(_Pump, "_delivered", delivered)


def handler() -> None:
    """As Faust does: a record whose handler raises is acknowledged, and the next one is handled."""

    def handle(self: Any, batch: Batch) -> None:
        self._app.processing = self._outlet.batch = batch
        for record in batch.records:
            try:
                self._handler(record, self._outlet)
            except ValueError:
                log.exception("guards.handler_failed")
        self._app.processing = self._outlet.batch = None

    replace(_Pump, "_handle", handle)


def gap() -> None:
    """Offsets that are not consecutive are taken for compaction."""
    take, ack = Consumer._take, Consumer.ack_batch

    def take_any(self: Any, tp: TP, records: list[Record]) -> None:
        self._next[tp] = records[0].offset
        take(self, tp, records)

    def ack_any(self: Any, batch: Batch) -> None:
        self._settled[batch.tp] = batch.first
        ack(self, batch)

    replace(Consumer, "_take", take_any)
    replace(Consumer, "ack_batch", ack_any)


def seek() -> None:
    """As Faust does: only partitions with a commit are moved back."""

    async def seek_committed(self: Any) -> dict[TP, tuple[int, int | None]]:
        consumer = self._ensure_consumer()
        tps = [tp for tp in consumer.assignment() if not self.consumer._is_changelog_tp(tp)]
        begins = await consumer.beginning_offsets(tps)
        commits = dict(zip(tps, await asyncio.gather(*map(consumer.committed, tps)), strict=True))
        for tp, commit in commits.items():
            if commit:
                consumer.seek(tp, commit)
        return {TP(*tp): (commits[tp] or begins[tp], commits[tp]) for tp in tps}

    replace(ConsumerThread, "_seek_sources", seek_committed)


def give_back() -> None:
    """Records that cannot be taken are dropped."""

    async def drop(_: ConsumerThread, records: Any) -> None:
        log.info("guards.dropped %s", {tp: len(run) for tp, run in records.items()})

    replace(ConsumerThread, "give_back", drop)


def flow() -> None:
    """Sources are resumed while the flow is on (upstream 596)."""
    replace(Recovery, "on_recovery_completed", FaustRecovery.on_recovery_completed)


def lease() -> None:
    """Produce requests leave whatever the coordinator thinks of us."""

    async def always(_: Lease) -> None: ...

    replace(Lease, "hold", always)


def member() -> None:
    """Thrown out of the group, the worker rejoins and finishes what it was about."""
    replace(Member, "reset_generation", GroupCoordinator.reset_generation)


def stopping() -> None:
    """As Faust does: a worker that stops gives its partitions up at once."""
    replace(App, "_on_partitions_revoked", faust.App._on_partitions_revoked)


def topics() -> None:
    """As Faust does: topics are taken to be there."""

    async def believe(_: Producer, names: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(names, PARTITIONS)

    replace(Consumer, "subscribe", driver.Consumer.subscribe)
    replace(Producer, "partition_counts", believe)


def changelog() -> None:
    """As Faust does: a changelog record that cannot be applied is logged and skipped."""
    restore = Table.restore

    def skip(self: Table, partition: int, records: Iterable[Record]) -> None:
        for record in records:
            try:
                restore(self, partition, [record])
            except Exception:
                log.exception("guards.skipped")

    replace(Table, "restore", skip)


def prepared() -> None:
    """What was ours before it was prepared is taken for ours afterwards."""
    is_ours, ours = _Pump._is_ours, WeakSet[Batch]()

    def was_ours(self: Any, batch: Batch) -> bool:
        if batch not in ours and is_ours(self, batch):
            ours.add(batch)
        return batch in ours

    replace(_Pump, "_is_ours", was_ours)


REMOVALS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        changelog,
        delivery,
        flow,
        gap,
        give_back,
        handler,
        lease,
        member,
        prepared,
        seek,
        stopping,
        topics,
    )
}
