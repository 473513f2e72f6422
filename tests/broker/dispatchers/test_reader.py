"""Reading tasks from the real broker: nothing is skipped at a rebalance, unreadable tasks hold up nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from broker import clients
from broker.publish import Outgoing
from dispatchers.lines import Line
from dispatchers.reader import Reader, RetentionError
from dispatchers.shares import Leaving
from dispatchers.window import Window
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.settings import KafkaSettings
from schemas.tasks import Inquiry, Task
from tests.conftest import Broker

pytestmark = pytest.mark.broker


class Idle:
    """Stands where the hand-over would: takes nothing, has nothing in flight."""

    def __init__(self) -> None:
        self.bell = asyncio.Event()

    def add_voids(self, items: Sequence[object]) -> None:
        """Nothing stands."""

    async def quiet(self, seconds: float) -> bool:
        """Nothing is in flight."""
        return seconds > 0


class Kept:
    """Stands where the deferring would: keeps what leaves."""

    def __init__(self) -> None:
        self.full = False
        self.left: list[Leaving] = []

    def add(self, leaving: Sequence[Leaving]) -> None:
        """These leave."""
        self.left += leaving

    async def quiet(self, seconds: float) -> None:
        """Nothing is on its way."""


class LateCheck(Reader):
    """A broker that is slow to say where a partition starts: records come first."""

    def __init__(self, *args: object, seen: asyncio.Event, **kw: object) -> None:
        super().__init__(*args, **kw)  # type: ignore[arg-type] # handed on
        self._seen = seen

    async def _check_starts(self, lines: Mapping[TopicPartition, Line]) -> None:
        await asyncio.wait_for(self._seen.wait(), 20)
        await super()._check_starts(lines)


class Bench:
    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self.kafka, self.topic, self.group = kafka, topic, f"g-{topic}"
        self.letters: list[Outgoing] = []
        self.kept = Kept()
        self.questions: list[tuple[Line, int, Inquiry]] = []

    async def produce(self, *values: bytes) -> None:
        async with clients.producer(self.kafka) as producer:
            for value in values:
                await producer.send_and_wait(self.topic, value, partition=0)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.letters += records

    def reader(
        self, consumer: AIOKafkaConsumer, window: Window, kind: type[Reader], **more: object
    ) -> Reader:
        idle: Any = Idle()
        kept: Any = self.kept
        return kind(
            consumer,
            window,
            idle,
            kept,
            publish=self.publish,
            now=lambda: 0,
            ask=lambda *question: self.questions.append(question),
            release_seconds=1,
            **more,
        )

    @asynccontextmanager
    async def reading(
        self, kind: type[Reader] = Reader, **more: object
    ) -> AsyncIterator[tuple[Reader, Window]]:
        window = Window(lambda _: 1000, room=1000, names=lambda _: (), paces=lambda _: ())
        consumer = clients.group_consumer(self.kafka, self.group)
        reader = self.reader(consumer, window, kind, **more)
        consumer.subscribe([self.topic], listener=reader)
        await consumer.start()
        task = asyncio.create_task(reader.read())
        try:
            yield reader, window
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await consumer.stop()


def task(number: int) -> bytes:
    return Task(
        message_id=f"m{number}",
        organization="acme",
        lane=Lane.QUEUED,
        provider=Provider.TWILIO,
        account="tw",
        sender="+15550001",
        to_number="+15559999",
        text="hello",
        segments=1,
        valid_until=1,
        forget_at=1,
    ).encode()


@pytest.fixture
async def bench(kafka: Broker) -> Bench:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    topic = f"sms.dispatch.t{uuid4().hex[:8]}.queued.v1"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    return Bench(settings, topic)


async def taken(window: Window, many: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(20):
        while len(found) < many:
            found += [item.task.message_id for item in window.take(1000, 0)]
            await asyncio.sleep(0.01)  # the reader is another task
    return found


async def test_records_that_come_before_the_listener_is_done_are_not_skipped(bench: Bench) -> None:
    await bench.produce(*map(task, range(5)))
    seen = asyncio.Event()
    async with bench.reading(LateCheck, seen=seen) as (reader, window):
        found = await taken(window, 5)
        seen.set()
        assert found == [f"m{n}" for n in range(5)]
        assert not reader.failed.done()


async def test_an_unreadable_task_goes_to_the_dead_letters_and_the_next_is_taken(bench: Bench) -> None:
    await bench.produce(task(0), b'{"type": "dispatch.v9"}', b"\xff", task(3))
    async with bench.reading() as (_, window):
        assert await taken(window, 2) == ["m0", "m3"]
        (line,) = window.lines()
        assert len(line) == 2  # the two good ones; nothing more is owed to the others
    assert [letter.value for letter in bench.letters] == [b'{"type": "dispatch.v9"}', b"\xff"]
    assert {letter.topic for letter in bench.letters} == {"sms.dispatch.dlq.v1"}


async def test_a_question_among_the_tasks_is_handed_on_and_holds_its_offset(bench: Bench) -> None:
    question = Inquiry(
        message_id="q", organization="acme", attempt=1, provider=Provider.TWILIO, account="tw",
        sender="+15550001", to_number="+15559999", forget_at=1, sent_at=1, provider_message_id="SM1",
        ask_until=1,
    )  # fmt: skip
    await bench.produce(task(0), question.encode(), task(1))
    async with bench.reading() as (_, window):
        assert await taken(window, 2) == ["m0", "m1"]
        [(line, offset, read)] = bench.questions
        assert (offset, read) == (1, question)
        line.finish(0)
        line.finish(2)
        assert line.due() == 1
        line.finish(offset)
        assert line.due() == 3


async def test_only_what_is_finished_is_committed_and_read_on_from(bench: Bench) -> None:
    await bench.produce(*map(task, range(3)))
    async with bench.reading() as (reader, window):
        await taken(window, 3)
        (line,) = window.lines()
        line.finish(0)
        line.finish(2)
        await reader.commit()
    async with bench.reading() as (_, window):
        assert await taken(window, 2) == ["m1", "m2"]


async def test_what_retention_took_unread_is_said_and_nothing_goes_on(bench: Bench, kafka: Broker) -> None:
    await bench.produce(*map(task, range(3)))
    async with bench.reading() as (reader, window):
        await taken(window, 3)
        (line,) = window.lines()
        line.finish(0)
        await reader.commit()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_records({TopicPartition(bench.topic, 0): RecordsToDelete(before_offset=2)})
    await admin.close()
    async with bench.reading() as (reader, _):
        with pytest.raises(RetentionError, match="offsets 1 to 1 were deleted"):
            await asyncio.wait_for(reader.failed, 20)
