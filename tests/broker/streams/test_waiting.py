"""The mover on the real broker: never early, at least once through crashes and rebalances, never busy."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from broker import clients
from broker.publish import Outgoing, Publish, publisher
from schemas.settings import KafkaSettings
from schemas.waiting import Ticket
from streams.waiting import Mover
from tests.conftest import Broker

pytestmark = pytest.mark.broker
DELAY_MS = 1_500


@dataclass
class Place:
    """Topics of one test: one that records wait in, one that they go to, and the dead letters."""

    kafka: KafkaSettings
    name: str = field(default_factory=lambda: f"wait{uuid4().hex[:8]}")

    @property
    def waiting(self) -> str:
        return f"sms.{self.name}.short.v1"

    @property
    def target(self) -> str:
        return f"sms.{self.name}.target.v1"

    @property
    def dead(self) -> str:
        return f"sms.{self.name}.dlq.v1"

    async def create(self) -> None:
        timed = {"message.timestamp.type": "LogAppendTime"}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics(
            [NewTopic(name, 2, 1, topic_configs=timed) for name in (self.waiting, self.target, self.dead)]
        )
        await admin.close()

    @asynccontextmanager
    async def mover(
        self, publish: Publish, consumer: AIOKafkaConsumer | None = None
    ) -> AsyncIterator[asyncio.Event]:
        """A mover that runs; set the event to have it end."""
        member = consumer or clients.group_consumer(self.kafka, f"{self.name}-movers")
        mover = Mover(
            member,
            publish,
            delays={self.waiting: DELAY_MS},
            targets={self.target},
            now=lambda: time.time_ns() // 1_000_000,
        )
        mover.subscribe()
        stop = asyncio.Event()
        async with member:
            running = asyncio.create_task(mover.run(stop))
            try:
                yield stop
                stop.set()
                await running
            finally:
                running.cancel()

    async def wait_for(
        self, topic: str, done: Callable[[list[ConsumerRecord]], bool]
    ) -> list[ConsumerRecord]:
        """What lies in a topic, once `done` says that it is all."""
        found: list[ConsumerRecord] = []
        consumer: AIOKafkaConsumer = clients.reader(self.kafka)
        async with asyncio.timeout(60), consumer:
            consumer.assign([TopicPartition(topic, n) for n in (0, 1)])
            while not done(found):
                found.append(await consumer.getone())
        return found

    async def committed(self) -> int:
        """How many records the movers have committed, over all partitions."""
        consumer = clients.group_consumer(self.kafka, f"{self.name}-movers")
        async with consumer:
            offsets = [await consumer.committed(TopicPartition(self.waiting, n)) for n in (0, 1)]
        return sum(offset or 0 for offset in offsets)

    def record(self, number: int) -> Outgoing:
        """A record that is due when its wait in this topic is over."""
        ticket = Ticket(0, self.target, b"sender")
        return Outgoing(self.waiting, b"m%d" % number, b"%d" % number, ticket.headers())


@pytest.fixture
async def place(kafka: Broker) -> Place:
    place = Place(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
    await place.create()
    return place


@pytest.fixture
async def publish(place: Place) -> AsyncIterator[Publish]:
    async with clients.producer(place.kafka) as producer:
        yield publisher(producer)


def values(found: list[ConsumerRecord]) -> set[bytes]:
    return {record.value for record in found}


class Counting(AIOKafkaConsumer):  # type: ignore[misc]  # untyped upstream
    """Counts how often it is asked."""

    asked = 0

    async def getmany(self, *partitions: TopicPartition, **options: int) -> object:
        self.asked += 1
        return await super().getmany(*partitions, **options)


async def test_nothing_goes_early_and_the_mover_sleeps_until_then(place: Place, publish: Publish) -> None:
    consumer = clients.group_consumer(place.kafka, f"{place.name}-movers")
    consumer.__class__ = Counting
    await publish([place.record(n) for n in range(10)])
    async with place.mover(publish, consumer):
        moved = await place.wait_for(place.target, lambda found: len(found) == 10)
        asked = consumer.asked
    waited = {
        r.value: r.timestamp for r in await place.wait_for(place.waiting, lambda found: len(found) == 10)
    }
    assert all(record.timestamp >= waited[record.value] + DELAY_MS for record in moved)
    assert {record.key for record in moved} == {b"sender"}
    assert all(record.headers == () for record in moved)
    assert await place.committed() == 10
    # Joining, two fetches, a few looks a second: a mover that spins asks thousands of times.
    assert asked < 60


async def test_what_cannot_be_read_stops_nothing(place: Place, publish: Publish) -> None:
    lost = Outgoing(place.waiting, b"k", b"no ticket", [])
    astray = Outgoing(place.waiting, b"k", b"astray", Ticket(0, "sms.nowhere.v1", b"k").headers())
    await publish([lost, astray, place.record(1)])
    async with place.mover(publish):
        await place.wait_for(place.target, lambda found: len(found) == 1)
        letters = await place.wait_for(place.dead, lambda found: len(found) == 2)
    assert values(letters) == {b"no ticket", b"astray"}


def stuck(reached: asyncio.Event) -> Publish:
    """A broker that takes nothing."""

    async def publish(_records: Sequence[Outgoing]) -> None:
        reached.set()
        await asyncio.Event().wait()

    return publish


async def test_what_was_not_acknowledged_is_not_committed_and_moves_later(
    place: Place, publish: Publish
) -> None:
    await publish([place.record(n) for n in range(5)])
    reached = asyncio.Event()
    with contextlib.suppress(Crash):
        async with place.mover(stuck(reached)):
            async with asyncio.timeout(60):
                await reached.wait()
            raise Crash
    assert await place.committed() == 0
    async with place.mover(publish):
        moved = await place.wait_for(place.target, lambda found: len(values(found)) == 5)
    assert len(moved) == 5
    assert await place.committed() == 5


class Crash(Exception):  # noqa: N818  # it is one
    """The mover dies here."""


async def test_members_come_and_go_and_nothing_is_lost(place: Place, publish: Publish) -> None:
    total = 60
    async with place.mover(publish):
        await publish([place.record(n) for n in range(20)])
        async with place.mover(publish) as stop_second:
            await publish([place.record(n) for n in range(20, 40)])
            await place.wait_for(place.target, lambda found: len(values(found)) >= 20)
            stop_second.set()
        await publish([place.record(n) for n in range(40, total)])
        moved = await place.wait_for(place.target, lambda found: len(values(found)) == total)
    assert values(moved) == {b"%d" % n for n in range(total)}
    assert await place.committed() == total
