"""The mover: what is not due goes from waiting topic to waiting topic, then to its target (docs/streams.md).

A waiting topic has one delay, and its records lie in the order of their append times: none is due before the
head of its partition. The mover takes a batch, pauses the partition, and sends each record on when its time
comes: acknowledged, then committed.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError

from broker.dead_letters import buried
from broker.publish import Outgoing, Publish
from broker.stall import Pulse, patiently
from schemas.base import DecodeError
from schemas.failpoints import Point, reached
from schemas.waiting import Ticket, next_topic
from streams import metrics

log = logging.getLogger(__name__)

#: Records taken and sent on at once, over all partitions.
BATCH: Final = 500
_IDLE_MS: Final = 1000


def onward(record: ConsumerRecord, targets: Collection[str], now: int) -> Outgoing:
    """Where a record that has waited goes at `now`, as it is then produced.

    Its value stays as it is. On a further hop it keeps key and headers; at its target it has the ticket's
    key, and no ticket. What has no readable ticket, or one to a topic that is not among `targets`, goes to
    the dead letters: a topic that does not exist would hold up everything behind it.
    """
    try:
        ticket = _ticket(record, targets)
    except DecodeError as e:
        return _dead(record, str(e))
    topic = next_topic(ticket, now)
    if topic != ticket.topic:
        return Outgoing(topic, record.key, record.value, record.headers)
    of_ticket = {name for name, _ in ticket.headers()}
    others = [header for header in record.headers if header[0] not in of_ticket]
    return Outgoing(topic, ticket.key, record.value, others)


def _ticket(record: ConsumerRecord, targets: Collection[str]) -> Ticket:
    ticket = Ticket.read(record.headers)
    if ticket.topic not in targets:
        raise DecodeError(f"the ticket leads to {ticket.topic}, which is no topic of ours")
    return ticket


def _dead(record: ConsumerRecord, reason: str) -> Outgoing:
    metrics.WAITING_UNREADABLE.inc()
    log.warning("waiting.unreadable topic=%s partition=%d offset=%d: %s", *_place(record), reason)
    return buried(record, reason)


def _place(record: ConsumerRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


class Mover(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped upstream
    """Moves the records of the waiting topics that `consumer` is given; at least once each.

    Args:
        consumer: a group's member that commits nothing by itself; not subscribed yet.
        publish: acknowledged when it returns.
        delays: what each waiting topic holds its records for, in milliseconds.
        targets: the topics that a ticket may lead to.
        now: the wall clock in milliseconds, compared with the broker's append times.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        publish: Publish,
        *,
        delays: Mapping[str, int],
        targets: Collection[str],
        now: Callable[[], int],
    ) -> None:
        self._consumer = consumer
        self._delays = delays
        self._targets = targets
        self._now = now
        self._held: dict[TopicPartition, deque[ConsumerRecord]] = {}
        self._moving = asyncio.Lock()
        #: Beat while it reads, and while it is not a member of its group.
        self.pulses = self._reading_on, self._joining = Pulse("moving"), Pulse("joining the group")
        # Who joins again lets what is being moved end.
        self._publish = patiently(publish, *self.pulses)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what is being moved then is finished, with its commit."""
        reading = asyncio.create_task(self._read())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
            async with self._moving:
                reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
        finally:
            reading.cancel()
            stopping.cancel()

    async def _read(self) -> None:
        try:
            while True:
                self._reading_on.beat()
                found = await self._consumer.getmany(timeout_ms=self._pause_ms(), max_records=BATCH)
                for partition, records in found.items():
                    self._held.setdefault(partition, deque()).extend(records)
                    self._consumer.pause(partition)
                async with self._moving:
                    await self._move()
        finally:
            self._reading_on.rest()

    def subscribe(self) -> None:
        """Join the group for the waiting topics."""
        self._consumer.subscribe(list(self._delays), listener=self)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let what is being moved end with its commit, and forget the rest: its next owner reads it again."""
        del revoked  # eager rebalances take all
        self._joining.beat()
        async with self._moving:
            self._held.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Say what retention took while nobody moved; go on from the log's start."""
        beginnings = await self._consumer.beginning_offsets(list(assigned)) if assigned else {}
        for partition, beginning in beginnings.items():
            committed = await self._consumer.committed(partition)
            if committed is not None and committed < beginning:
                log.critical(
                    "waiting.lost topic=%s partition=%d: retention deleted offsets %d to %d unmoved",
                    *partition,
                    committed,
                    beginning - 1,
                )
        self._joining.rest()

    def _due(self, record: ConsumerRecord) -> int:
        timestamp: int = record.timestamp
        return timestamp + self._delays[record.topic]

    def _pause_ms(self) -> int:
        """Until the first head is due; a record that arrives meanwhile ends it."""
        now = self._now()
        first = min((self._due(held[0]) for held in self._held.values()), default=now + _IDLE_MS)
        return max(1, min(_IDLE_MS, first - now))

    async def _move(self) -> None:
        """Send on what is due, wait for the acknowledgements, commit, and read on where nothing is held."""
        now = self._now()
        taken = list(self._take(now))
        if not taken:
            return
        await self._publish([onward(record, self._targets, now) for record in taken])
        reached(Point.WAITING_MOVED)
        done: dict[TopicPartition, int] = {}
        for record in taken:
            done[TopicPartition(record.topic, record.partition)] = record.offset + 1
            metrics.MOVED.labels(record.topic).inc()
        try:
            await self._consumer.commit(done)
        except (CommitFailedError, IllegalStateError) as e:
            # Another member has them now and moves them again; the claim absorbs the repeat.
            log.info("waiting.uncommitted %s", e)
            return
        for partition in done:
            if partition not in self._held and partition in self._consumer.paused():
                self._consumer.resume(partition)

    def _take(self, now: int) -> Iterator[ConsumerRecord]:
        """The records that are due, a batch at most; a partition of which none is left is dropped."""
        room = BATCH
        for partition, held in list(self._held.items()):
            while held and room and self._due(held[0]) <= now:
                room -= 1
                yield held.popleft()
            if not held:
                del self._held[partition]
