"""Reads what happened, and commits what was told of: no offset before all of its deliveries are done with."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError

from broker.dead_letters import buried
from broker.stall import Pulse
from directory.snapshot import Directory
from notifiers import metrics
from notifiers.deliveries import Delivery, Job, notifications, trace_of
from notifiers.outbox import Outbox
from notifiers.switching import Switching
from notifiers.teller import Teller
from notifiers.window import Window
from schemas import topics
from schemas.base import DecodeError, Millis
from schemas.failpoints import Point, reached
from schemas.notifications import Notification, SwitchOff, decode
from schemas.public import InboundRecord, StatusRecord

_LOG: Final = logging.getLogger(__name__)
SOURCES: Final = (topics.STATUS, topics.INBOUND, topics.NOTIFICATIONS)
_BATCH: Final = 200
_IDLE_MS: Final = 250
#: At most one fetch in this time: what costs is rounds, not records.
_PACE_SECONDS: Final = 0.02
#: So far may reading be ahead of the commit: numbers in memory, and what a crash reads again.
_SPAN: Final = 50_000
#: So many records may be on their way to Kafka before nothing more is read: the broker takes nothing.
_MOST_OUT: Final = 2_000


class Reader(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped upstream
    """The loop: read, hand over, commit.

    Args:
        consumer: a group's member that commits nothing by itself; not subscribed yet.
        teller: takes deliveries.
        outbox: takes dead letters.
        switching: carries out orders.
        directory: the newest snapshot.
        commit_seconds: how often offsets are committed.
        now: the wall clock, in milliseconds.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        teller: Teller,
        outbox: Outbox,
        switching: Switching,
        *,
        directory: Callable[[], Directory],
        commit_seconds: float,
        now: Callable[[], Millis],
    ) -> None:
        self._consumer = consumer
        self._teller = teller
        self._outbox = outbox
        self._switching = switching
        self._directory = directory
        self._commit_seconds = commit_seconds
        self._now = now
        self._windows: dict[TopicPartition, Window] = {}
        self._orders: asyncio.TaskGroup | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self._commit_at = 0.0
        #: Beat while it reads, and while it is not a member of its group.
        self.pulses = self._reading_on, self._joining = Pulse("reading events"), Pulse("joining the group")

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(list(SOURCES), listener=self)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Commit. What is unfinished is read again by whoever comes next."""
        del revoked  # eager rebalances take all
        self._joining.beat()
        await self.commit()
        for window in self._windows.values():
            window.revoked = True
        self._windows.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Begin anew."""
        self._joining.rest()
        self._windows = {partition: Window() for partition in assigned}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Orders that are being carried out then are carried out by whoever comes next.

        Raises:
            ExceptionGroup: with a KafkaError: the consumer has failed, or the directory takes nothing.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._orders = group
                await self._loop(stop)
                for order in self._carried:
                    order.cancel()
        finally:
            self._reading_on.rest()

    async def _loop(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._reading_on.beat()
            if time.monotonic() >= self._commit_at:
                self._commit_at = time.monotonic() + self._commit_seconds
                self._teller.look()
                await self.commit()
            await self._round()

    async def _round(self) -> None:
        behind = [one for one, window in self._windows.items() if window.span < _SPAN]
        if len(self._outbox) < _MOST_OUT and (behind or not self._windows):
            found = await self._consumer.getmany(*behind, timeout_ms=_IDLE_MS, max_records=_BATCH)
            for partition, records in found.items():
                window = self._windows.get(partition)
                if window is not None:
                    for record in records:
                        self._take(record, window)
        await asyncio.sleep(_PACE_SECONDS)

    async def commit(self) -> None:
        """Commit what is finished."""
        assigned = self._consumer.assignment()
        done = {
            partition: offset
            for partition, window in self._windows.items()
            if partition in assigned and (offset := window.due()) is not None
        }
        if not done:
            return
        reached(Point.NOTIFIER_DONE)
        windows = dict(self._windows)
        try:
            await self._consumer.commit(done)
        except (CommitFailedError, IllegalStateError) as error:
            _LOG.info("commit.lost error=%r", error)  # another member has them now
            return
        for partition, offset in done.items():
            windows[partition].committed(offset)

    def _take(self, record: ConsumerRecord, window: Window) -> None:
        try:
            found = read(record, self._directory(), self._now())
        except DecodeError as error:
            metrics.UNREADABLE.labels(record.topic).inc()
            place = record.topic, record.partition, record.offset
            _LOG.warning("notifier.unreadable topic=%s partition=%d offset=%d: %s", *place, error)
            self._outbox.put(buried(record, str(error)), Job(window, record.offset, 1).done)
            return
        if isinstance(found, SwitchOff):
            self._switch_off(found, Job(window, record.offset, 1))
            return
        job, key = Job(window, record.offset, len(found)), record.key or b""
        trace = trace_of(record.headers)
        for notification in found:
            self._teller.tell(Delivery(notification, key, job, trace))

    def _switch_off(self, order: SwitchOff, job: Job) -> None:
        """Beside everything else: the directory may take a while."""

        async def carry_out() -> None:
            told = await self._switching.carry_out(order)
            job.more(len(told))
            for notification in told:
                self._teller.tell(Delivery(notification, order.subscription.encode(), job))
            job.done()

        if self._orders is None:
            raise RuntimeError("not running")
        task = self._orders.create_task(carry_out())
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)


def read(record: ConsumerRecord, directory: Directory, now: Millis) -> Sequence[Notification] | SwitchOff:
    """What `record` asks for.

    Raises:
        DecodeError: it cannot be read as what its topic holds.
    """
    if record.topic != topics.NOTIFICATIONS and directory.tells_nobody():
        return []  # not even decoded: that is nearly all of the work
    if record.topic == topics.STATUS:
        return notifications(StatusRecord.decode(record.value), directory, now)
    if record.topic == topics.INBOUND:
        return notifications(InboundRecord.decode(record.value), directory, now)
    found = decode(record.value)
    return [found] if isinstance(found, Notification) else found
