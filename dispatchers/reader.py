"""Reads a provider's tasks into the window, and commits what is finished."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from broker.dead_letters import buried
from broker.publish import Publish
from broker.stall import Pulse, patiently
from dispatchers.deferring import Deferring
from dispatchers.handover import HandOver
from dispatchers.lines import GapError, Item, Line
from dispatchers.shares import Leaving
from dispatchers.window import Window
from schemas.base import DecodeError
from schemas.tasks import Inquiry, decode_work

log = logging.getLogger(__name__)

#: Records taken at once: between two such batches everything else of the process has its turn.
_RECORDS = 500
#: How long is waited for what comes, or for what leaves, before the loop says that it goes on.
_LOOK_SECONDS = 0.2


class RetentionError(Exception):
    """Tasks were deleted by the topic's retention before they were handed over. The log says which."""


class Reader(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped upstream
    """Feeds the window from the consumer; partitions come and go by the group's word.

    `ask` takes the questions that lie among the tasks, and finishes their offsets.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        window: Window,
        hand_over: HandOver,
        deferring: Deferring,
        *,
        publish: Publish,
        now: Callable[[], int],
        ask: Callable[[Line, int, Inquiry], None],
        release_seconds: float,
    ) -> None:
        self._consumer = consumer
        self._window = window
        self._hand_over = hand_over
        self._deferring = deferring
        self._now = now
        self._ask = ask
        self._release_seconds = release_seconds
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Beat while it reads and commits, and while it is not a member of its group.
        self.pulses = self._reading_on, self._committing, self._joining = (
            Pulse("reading tasks"), Pulse("committing"), Pulse("joining the group"),
        )  # fmt: skip
        self._publish = patiently(publish, self._reading_on)

    async def read(self) -> None:
        """For ever: read what there is room for."""
        try:
            while True:
                self._reading_on.beat()
                await self._read()
        finally:
            self._reading_on.rest()

    async def _read(self) -> None:
        if self._deferring.full:
            await self._deferring.moved(_LOOK_SECONDS)
            return
        self._make_room()
        batches = await self._consumer.getmany(timeout_ms=round(1000 * _LOOK_SECONDS), max_records=_RECORDS)
        for partition, records in batches.items():
            line = self._window.line((partition.topic, partition.partition))
            if line is not None:
                await self._take(line, records)
        if batches:
            self._hand_over.bell.set()

    async def commit(self, lines: Collection[Line] | None = None) -> None:
        """Commit the lowest unfinished offset of each line (default: of all) that has moved."""
        moved = {line: due for line in lines or self._window.lines() if (due := line.due()) is not None}
        if not moved:
            return
        try:
            await self._consumer.commit({TopicPartition(*line.partition): at for line, at in moved.items()})
        except KafkaError as e:
            # The group is being rearranged or the broker is away; what is not committed is read again.
            log.info("not committed now: %r", e)
            return
        for line, offset in moved.items():
            line.committed(offset)

    async def commit_every(self, seconds: float) -> None:
        """For ever: commit at this pace."""
        try:
            while True:
                self._committing.beat()
                await asyncio.sleep(seconds)
                await self.commit()
        finally:
            self._committing.rest()

    # -- rebalances

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Forget what is at hand of them; give what is in flight a moment to end, then commit."""
        self._joining.beat()
        partitions = [(tp.topic, tp.partition) for tp in revoked]
        lines = [line for p in partitions if (line := self._window.line(p)) is not None]
        self._hand_over.add_voids(self._window.revoke(partitions))
        if lines:
            await self._hand_over.quiet(self._release_seconds)
            await self._deferring.quiet(self._release_seconds / 2)
            await self.commit(lines)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Start each partition from its commit, if its log still reaches that far back."""
        # Before anything is awaited: from then on `read` may be given records of these partitions.
        lines = {tp: self._window.assign((tp.topic, tp.partition)) for tp in assigned}
        try:
            await self._check_starts(lines)
        except (RetentionError, GapError, KafkaError) as e:
            # aiokafka only logs what a listener raises; the process ends by this instead.
            if not self.failed.done():
                self.failed.set_exception(e)
            return
        self._joining.rest()
        log.info("%d partitions assigned", len(assigned))

    async def _check_starts(self, lines: Mapping[TopicPartition, Line]) -> None:
        beginnings = await self._consumer.beginning_offsets(list(lines))
        for tp, line in lines.items():
            committed = await self._consumer.committed(tp)
            line.begin(beginnings[tp] if committed is None else committed)
            if committed is not None and committed < beginnings[tp]:
                raise RetentionError(
                    f"{tp.topic}[{tp.partition}]: offsets {committed} to {beginnings[tp] - 1} were deleted "
                    "by retention before they were handed over. To go on after them, set the group's "
                    f"offset to {beginnings[tp]}"
                )

    # -- records

    def _make_room(self) -> None:
        paused = self._consumer.paused()
        for tp in self._consumer.assignment():
            full = self._window.full((tp.topic, tp.partition))
            if full and tp not in paused:
                self._consumer.pause(tp)
            elif tp in paused and not full:
                self._consumer.resume(tp)

    async def _take(self, line: Line, records: list[ConsumerRecord]) -> None:
        now = self._now()
        unreadable: list[tuple[ConsumerRecord, str]] = []
        leaving: list[Leaving] = []
        for record in records:
            line.open(record.offset)
            try:
                work = decode_work(record.value)
            except DecodeError as e:
                unreadable.append((record, str(e)))
                continue
            if isinstance(work, Inquiry):
                self._ask(line, record.offset, work)
                continue
            item = Item(line, record.offset, work)
            if (gone := self._window.offer(item, now)) is not None:
                leaving.append(gone)
        self._deferring.add(leaving)
        if unreadable:
            log.warning("%d unreadable tasks in %s go to the dead letters", len(unreadable), line.partition)
            await self._publish([buried(record, reason) for record, reason in unreadable])
        for record, _ in unreadable:
            line.finish(record.offset)
