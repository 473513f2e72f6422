"""The client on the real broker: acknowledged requests; records once, and over crashes at least once."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Iterable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from heliograph import StatusRecord
from heliograph.kafka import (
    DeadRecord,
    DeadRecordError,
    InboundStream,
    NotAcknowledgedError,
    NotProducedError,
    Requests,
    StatusStream,
)
from heliograph.requests import FromNumber
from tests.conftest import Broker
from tests.e2e.caller import eventually
from tests.fakes.records import INBOUND, MESSAGE, STATUS

pytestmark = pytest.mark.broker
SECONDS = 60
PARTITIONS = 3


class CrashError(Exception):
    """The reader's process ends amid a record."""


def status(message: str, sequence: int) -> bytes:
    change = {"id": f"{message}/{sequence}", "message_id": message, "sequence": sequence}
    return json.dumps(STATUS | change).encode()


@pytest.fixture
async def topic(kafka: Broker) -> str:
    """A topic of this test alone."""
    name = f"client.{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    finally:
        await admin.close()
    return name


@pytest.fixture
async def producer(kafka: Broker) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        yield producer


async def put(producer: AIOKafkaProducer, topic: str, records: Iterable[tuple[str, bytes | None]]) -> None:
    """Records with a message's id as their key, in order."""
    for key, value in records:
        await producer.send_and_wait(topic, value, key=key.encode())


def naturals(messages: str, count: int) -> list[tuple[str, bytes | None]]:
    return [(message, status(message, n)) for n in range(1, count + 1) for message in messages]


async def taken(stream: StatusStream, count: int) -> list[str]:
    """The next ids; the stream is asked for no more, so the last one stays in hand."""
    async with asyncio.timeout(SECONDS):
        return [(await anext(stream)).id for _ in range(count)]


async def whole(kafka: Broker, topic: str) -> list[str]:
    stream = StatusStream(kafka.bootstrap_servers, group=None, follow=False, topic=topic)
    async with asyncio.timeout(SECONDS), stream:
        return [record.id async for record in stream]


async def committed(kafka: Broker, group: str, topic: str) -> int:
    """How many records the group has done with."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return sum(place.offset for partition, place in found.items() if partition.topic == topic)


async def test_requests_are_acknowledged_with_key_and_reference(kafka: Broker, topic: str) -> None:
    named: FromNumber = {**MESSAGE, "idempotency_key": "order:1", "reference": "mine"}
    nobody: FromNumber = {**MESSAGE, "to_phone_number": "nobody"}
    async with asyncio.timeout(SECONDS), Requests(kafka.bootstrap_servers, topic=topic) as requests:
        mine = await requests.send(**named)
        many = await asyncio.gather(*(requests.send(**MESSAGE) for _ in range(50)))
        with pytest.raises(ValueError, match="to_phone_number"):
            await requests.send(**nobody)
    assert (mine.idempotency_key, mine.reference) == ("order:1", "mine")
    assert all(one.reference == one.idempotency_key for one in many)
    assert len({one.idempotency_key for one in many}) == 50
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers)
    await consumer.start()
    try:
        for one in (mine, *many):
            consumer.assign([TopicPartition(topic, one.partition)])
            consumer.seek(TopicPartition(topic, one.partition), one.offset)
            async with asyncio.timeout(SECONDS):
                record = await consumer.getone()
            assert json.loads(record.value) == {
                **MESSAGE, "type": "sms.request.v1", "idempotency_key": one.idempotency_key,
                "reference": one.reference,
            }  # fmt: skip
        consumer.assign([TopicPartition(topic, n) for n in range(PARTITIONS)])
        assert sum((await consumer.end_offsets(consumer.assignment())).values()) == 51
    finally:
        await consumer.stop()


async def test_a_request_that_nobody_acknowledges_names_its_key(kafka: Broker) -> None:
    async with Requests(kafka.bootstrap_servers, topic="client.no-such-topic", deadline=1) as requests:
        with pytest.raises(NotAcknowledgedError) as raised:
            await requests.send(**MESSAGE)
    assert raised.value.idempotency_key.startswith("client:")


@pytest.mark.parametrize("config", [{"max.message.bytes": "600"}, {}], ids=["by the topic", "by aiokafka"])
async def test_a_request_that_is_too_large_is_refused_for_good(kafka: Broker, config: dict[str, str]) -> None:
    name = f"client.{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=config)])
    finally:
        await admin.close()
    large = [("x", b"0" * (1_000 if config else 2_000_000))]
    async with asyncio.timeout(SECONDS), Requests(kafka.bootstrap_servers, topic=name) as requests:
        with pytest.raises(NotProducedError, match=r"(?i)large") as raised:
            await requests.send(headers=large, **MESSAGE)
        await requests.send(**MESSAGE)
    assert raised.value.idempotency_key.startswith("client:")
    assert raised.value.detail.startswith(name)


async def test_each_transition_once_in_order_whatever_the_log_repeats(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    told = naturals("ab", 3)
    await put(producer, topic, told + told[:4] + naturals("b", 4) + told)
    found = await whole(kafka, topic)
    assert [one for one in found if one[0] == "a"] == ["a/1", "a/2", "a/3"]
    assert [one for one in found if one[0] == "b"] == ["b/1", "b/2", "b/3", "b/4"]


async def test_what_is_done_is_committed_and_what_is_in_hand_comes_again(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    await put(producer, topic, naturals("a", 5))
    for expected in (["a/1", "a/2", "a/3"], ["a/3", "a/4"]):  # the last of each was in hand at the crash
        found = []
        with contextlib.suppress(CrashError):
            async with StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic) as stream:
                found = await taken(stream, len(expected))
                raise CrashError
        assert found == expected
    async with StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic) as stream:
        assert await taken(stream, 2) == ["a/4", "a/5"]
        await stream.commit()
    assert await committed(kafka, f"{topic}.g", topic) == 5


async def test_a_stream_that_is_entered_again_begins_again(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    """What was in hand, and a table that is rebuilt, are no repeats to it."""
    await put(producer, topic, naturals("a", 2))
    reading = StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic)
    rebuilding = StatusStream(kafka.bootstrap_servers, group=None, follow=False, topic=topic)
    for expected in (["a/1"], ["a/1", "a/2"]):
        async with reading:
            assert await taken(reading, len(expected)) == expected
    for _ in range(2):
        async with asyncio.timeout(SECONDS), rebuilding:
            assert [record.id async for record in rebuilding] == ["a/1", "a/2"]


async def test_a_plain_consumer_loses_what_was_in_hand(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    """As it is written without thinking: aiokafka commits what it has handed over, done or not."""
    await put(producer, topic, naturals("a", 2))
    found = []
    for _ in range(2):
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=kafka.bootstrap_servers,
            group_id=f"{topic}.g",
            auto_offset_reset="earliest",
        )
        async with asyncio.timeout(SECONDS), consumer:
            found.append((await consumer.getone()).offset)  # and here it crashes
    assert found == [0, 1]


async def test_who_waits_for_the_next_has_the_last_committed(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    await put(producer, topic, naturals("a", 1))
    async with StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic) as stream:
        assert await taken(stream, 1) == ["a/1"]
        waiting = asyncio.ensure_future(taken(stream, 1))
        await eventually(lambda: committed(kafka, f"{topic}.g", topic), lambda done: done == 1)
        await put(producer, topic, [("a", status("a", 2))])
        assert await waiting == ["a/2"]


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b'{"type": "status.v2"}', status("a", 2).replace(b"at", b"")]
)
async def test_a_dead_record_is_raised_and_then_passed(
    kafka: Broker, topic: str, producer: AIOKafkaProducer, value: bytes | None
) -> None:
    await put(producer, topic, [("a", status("a", 1)), ("a", value), ("a", status("a", 3))])
    async with StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic) as stream:
        assert await taken(stream, 1) == ["a/1"]
        with pytest.raises(DeadRecordError) as raised:
            await taken(stream, 1)
        assert await taken(stream, 1) == ["a/3"]
    dead = raised.value.record
    assert (dead.topic, dead.offset, dead.key, dead.value) == (topic, 1, b"a", value)
    assert "Grüße" not in str(raised.value)
    assert await committed(kafka, f"{topic}.g", topic) == 2


async def test_dead_records_go_to_the_hook(kafka: Broker, topic: str, producer: AIOKafkaProducer) -> None:
    await put(producer, topic, [("a", b"?"), ("a", status("a", 1)), ("a", b"!")])
    dead: list[DeadRecord] = []
    stream = StatusStream(kafka.bootstrap_servers, group=None, follow=False, topic=topic, on_dead=dead.append)
    async with asyncio.timeout(SECONDS), stream:
        assert [record.id async for record in stream] == ["a/1"]
    assert [one.value for one in dead] == [b"?", b"!"]


async def test_a_rebuild_begins_anew_each_time_and_says_when_it_has_caught_up(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    assert await whole(kafka, topic) == []
    await put(producer, topic, naturals("abc", 2))
    assert sorted(await whole(kafka, topic)) == sorted(await whole(kafka, topic))
    async with StatusStream(kafka.bootstrap_servers, group=None, topic=topic) as stream:
        assert not stream.caught_up
        assert len(await taken(stream, 6)) == 6
        assert stream.caught_up
        await put(producer, topic, naturals("d", 1))
        assert await taken(stream, 1) == ["d/1"]


async def test_members_that_come_and_go_lose_nothing(
    kafka: Broker, topic: str, producer: AIOKafkaProducer
) -> None:
    names = "abcdefgh"
    await put(producer, topic, naturals(names, 10))
    wanted = {f"{name}/{n}" for name in names + "z" for n in range(1, 11)}
    found: set[str] = set()

    async def member() -> None:
        stream = StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic, commit_seconds=0.1)
        async with stream:
            async for record in stream:
                found.add(record.id)
                await asyncio.sleep(0)

    async def all_found() -> bool:
        return found >= wanted

    async with StatusStream(kafka.bootstrap_servers, group=f"{topic}.g", topic=topic) as first:
        found.update(await taken(first, 20))
        others = [asyncio.create_task(member()) for _ in range(2)]
        found.update(await taken(first, 5))
    await put(producer, topic, naturals("z", 10))
    await eventually(all_found, bool)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_texts_likewise(kafka: Broker, topic: str, producer: AIOKafkaProducer) -> None:
    texts = [json.dumps(INBOUND | {"id": name}).encode() for name in ("i-1", "i-2", "i-1")]
    await put(producer, topic, [("+12025550143", text) for text in texts])
    stream = InboundStream(kafka.bootstrap_servers, group=None, follow=False, topic=topic)
    async with asyncio.timeout(SECONDS), stream:
        assert [text.id async for text in stream] == ["i-1", "i-2"]


def test_only_a_whole_topic_can_be_read_to_its_end() -> None:
    with pytest.raises(ValueError, match="follow"):
        StatusStream("127.0.0.1:1", group="g", follow=False)


@pytest.mark.parametrize("wrong", ["", "sms requests", "a/b", "t" * 250])
def test_what_no_topic_is_called_is_refused_at_once(wrong: str) -> None:
    with pytest.raises(ValueError, match="no name of a topic"):
        Requests("127.0.0.1:1", topic=wrong)


def test_a_record_of_a_stream_is_typed() -> None:
    assert StatusStream._kind is StatusRecord
