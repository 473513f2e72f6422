"""What is read: strictly consecutive records. What is committed: to where all before is delivered."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import faust.transport.drivers.aiokafka as driver
from faust.types import TP
from mode.utils.futures import notify

from streams.engine.batch import Batch, Record
from streams.engine.exits import Exit, die
from streams.engine.thread import ConsumerThread
from streams.engine.topics import misfit, missing

BATCH_RECORDS: Final = 500
"""The loop runs nothing else while a handler goes through so many records."""
WAITING_RECORDS: Final = 8_000
"""Read on only while fewer than this wait for their agents."""
FETCH_WAIT_SECONDS: Final = 1.0
PRESSURE_POLL_SECONDS: Final = 0.002
TOPIC_POLL_SECONDS: Final = 0.2


class Consumer(driver.Consumer):  # type: ignore[misc]  # untyped upstream
    """Faust's consumer with its own account of offsets.

    Faust acknowledges single messages and commits over holes between them, taking them for compaction. Here
    the next offset of each partition is known from the seek on, also where nothing has ever been committed; a
    hole ends the process; a commit is the end of an unbroken chain of batches.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._next: dict[TP, int] = {}  # to arrive
        self._settled: dict[TP, int] = {}  # to be acknowledged: all before may be committed
        self.turned_at = time.monotonic()
        """When reading last went on (monotonic): long ago means that it hangs."""
        super().__init__(*args, **options)

    def _new_consumer_thread(self) -> ConsumerThread:
        thread = ConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.lease = self.app.lease
        thread.fetch_pace = self.app.tuning.fetch_pace_seconds
        return thread

    # -- assignment

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Subscribe to topics that are there and fit.

        Closes: a missing source leaves Faust's worker "ready" and silent; a changelog of another size than
        its source crashes it at the first write.
        """
        names = set(topics)
        counts = await self._counts(names)
        tables = self.app.tables.values()
        if why := misfit(counts, {table.rows.changelog: table.partitions for table in tables}):
            die(Exit.TOPICS, "topics to read: %s", why)
        await super().subscribe(names)

    async def _counts(self, topics: set[str]) -> dict[str, int]:
        deadline = time.monotonic() + self.app.tuning.topic_wait_seconds
        while True:
            counts: dict[str, int] = await self._thread.partition_counts(topics)
            if not missing(counts) or time.monotonic() > deadline:
                return counts
            await asyncio.sleep(TOPIC_POLL_SECONDS)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Hold the flow until the new positions are known, also after an empty assignment."""
        self.app.flow_control.suspend()
        self.stop_flow()
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Wait until all that was begun is delivered and committed, then forget the positions."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._next.pop(tp, None)
            self._settled.pop(tp, None)

    async def perform_seek(self) -> None:
        """Seek all sources; from here on their next offsets are known."""
        found = await self._thread.seek_sources()
        self._next = {tp: position for tp, (position, _) in found.items()}
        self._settled = dict(self._next)
        self._committed_offset.update({tp: commit for tp, (_, commit) in found.items()})

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Pause on both sides."""
        partitions = set(tps)
        super().pause_partitions(partitions)
        self._thread.mirror(partitions, paused=True)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resume on both sides."""
        partitions = set(tps)
        super().resume_partitions(partitions)
        self._thread.mirror(partitions, paused=False)

    # -- reading

    async def _drain_messages(self, fetcher: Any) -> None:
        """The loop of Faust's fetcher service."""
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await asyncio.sleep(0)
                records, _ = await self._wait_next_records(FETCH_WAIT_SECONDS)
                if records or not self.app.in_recovery:
                    self.turned_at = time.monotonic()
                if records and not self.should_stop:
                    await self._distribute(records)
                await self._relieve(fetcher)
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not self.app.should_stop:
                raise
        except Exception as exc:  # noqa: BLE001  # a reader that ended would leave the process alive and deaf
            die(Exit.CRASH, "reading failed: %r", exc)

    async def _distribute(self, records: Mapping[TP, Sequence[Record]]) -> None:
        """Changelog records to the recovery, source records to their agents, others back."""
        active = self._get_active_partitions() if self.flow_active else frozenset()
        back = {}
        for tp, run in records.items():
            if tp not in active:
                back[tp] = run
            elif self._is_changelog_tp(tp):
                self.app.tables.recovery.feed(TP(*tp), run)
            else:
                self._take(TP(*tp), run)
        if back:
            await self._thread.give_back(back)

    def _take(self, tp: TP, records: Sequence[Record]) -> None:
        expected = self._next.get(tp)
        if expected is None:
            die(Exit.GAP, "%s partition %d: records before its position is known", *tp)
        if records[0].offset < expected:  # fetched before the seek
            records = [record for record in records if record.offset >= expected]
        if not records:
            return
        first, last = records[0].offset, records[-1].offset
        if first != expected or last - first != len(records) - 1:
            die(
                Exit.GAP,
                "%s partition %d: expected offset %d, got %d records from %d to %d; what is missing was not "
                "handled. If retention took it, and that is accepted, move the group's offset by hand",
                *tp, expected, len(records), first, last,
            )  # fmt: skip
        self._next[tp] = last + 1
        (channel,) = self.app.topics._tp_index[tp]
        for start in range(0, len(records), BATCH_RECORDS):
            part = records[start : start + BATCH_RECORDS]
            channel.queue.force_put_nowait(Batch(tp, part, self.app.consumer_generation_id))

    async def _relieve(self, fetcher: Any) -> None:
        """Wait while too many records wait for their agents."""
        while self._waiting() > WAITING_RECORDS and self.flow_active and not fetcher._stopped.is_set():
            self.turned_at = time.monotonic()
            await asyncio.sleep(PRESSURE_POLL_SECONDS)

    def _waiting(self) -> int:
        queues = [topic.queue._queue for topic in self.app.topics if topic.acks]
        return sum(len(batch.records) for queue in queues for batch in queue)

    # -- standing

    def stands(self) -> dict[tuple[str, int], tuple[int | None, int]]:
        """Of each source partition of ours the commit and the end, as last heard; both the next offset."""
        ends = self._thread.last_ends(self._settled)
        return {(tp.topic, tp.partition): (self._committed_offset.get(tp), end) for tp, end in ends.items()}

    # -- acknowledging

    def track_batch(self, batch: Batch) -> None:
        """Its handling begins: a rebalance waits until it is acknowledged."""
        self._unacked_messages.add(batch)

    def ack_batch(self, batch: Batch) -> None:
        """All that it produced is delivered. Called in the order of offsets within a partition."""
        self._unacked_messages.discard(batch)
        if self._settled.get(batch.tp) == batch.first:  # otherwise it is of an assignment that has gone
            self._settled[batch.tp] = batch.last + 1
        notify(self._waiting_for_ack)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:
        del topics  # always all
        return list(self._settled)

    def _new_offset(self, tp: TP) -> int | None:
        return self._settled.get(tp)

    async def wait_empty(self) -> None:
        """Wait until every batch begun is acknowledged, then commit.

        Without Faust's `gc.collect` at every turn, which stops a worker with a large table for seconds.
        """
        while not self.should_stop and self._unacked_messages:
            await self._wait_for_ack(timeout=1)
        # A commit of the timer's that is under way took its offsets before the last acknowledgements. Faust
        # would wait for it and commit nothing itself, and the next owner would pass those records on again.
        while await self.maybe_wait_for_commit_to_finish():
            pass
        await self.commit_and_end_transactions()

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust would log of streams that stand still, by its own account. See `turned_at`."""
