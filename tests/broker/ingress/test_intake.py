"""The Kafka door on the real broker, with producers that know nothing of our code."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import confluent_kafka
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from broker import clients
from broker.publish import Outgoing, Publish
from cli.local.kafka import Kafka
from ingress import intake
from schemas import ids, topics
from schemas.messages import Message, Refusal
from schemas.requests import LARGEST_BYTES
from schemas.settings import IntakeSettings, RedisSettings, Settings
from tests.broker.ingress.reading import DEADLINE_SECONDS, Reading
from tests.broker.ingress.test_api import opened
from tests.fakes import world

pytestmark = pytest.mark.broker
GLOBEX = topics.requests_of("globex")
BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    """An intake process' inside, until the block ends."""
    async with built(settings) as made:
        stop = asyncio.Event()
        task = asyncio.create_task(made.run(stop))
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait([task])


@asynccontextmanager
async def built(settings: Settings) -> AsyncIterator[intake.Intake]:
    async with AsyncExitStack() as stack:
        yield await intake.start(settings, stack)


class Producer:
    """A plain producer, with its library's defaults."""

    def __init__(self, kafka: Kafka, **options: Any) -> None:
        self._producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers, **options})
        self.refused: list[str] = []

    def send(self, *values: bytes | None, topic: str = topics.REQUESTS, key: bytes | None = None) -> None:
        """Hand values in, under random keys if none is given; return once the broker has answered for all."""
        for value in values:
            given = None if value is None else key or os.urandom(4)
            self._producer.produce(topic, value, key=given, on_delivery=self._answered)
        assert self._producer.flush(30) == 0

    def transaction(self, *values: bytes, commit: bool) -> None:
        """Hand values in within a transaction."""
        self._producer.init_transactions(30)
        self._producer.begin_transaction()
        self.send(*values)
        if commit:
            self._producer.commit_transaction(30)
        else:
            self._producer.abort_transaction(30)

    def _answered(self, error: confluent_kafka.KafkaError | None, _: Any) -> None:
        if error is not None:
            self.refused.append(error.name())


@pytest.fixture
def producer(own_kafka: Kafka) -> Producer:
    return Producer(own_kafka)


def having(**fields: Any) -> bytes:
    return json.dumps({**BODY, **fields}).encode()


async def commit_route(settings: Settings) -> None:
    """Commit all that is on `sms.messages.v1` as route would, so that intake sees room."""
    consumer = clients.group_consumer(settings.kafka, topics.ROUTE_APP)
    await consumer.start()
    try:
        partitions = [TopicPartition(topics.MESSAGES, number) for number in range(4)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


@pytest.fixture(autouse=True)
async def room(settings: Settings) -> None:
    """Nobody routes here: without this, what earlier tests have let in would leave no room."""
    await commit_route(settings)


async def test_a_strangers_records_become_messages(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    texts = {f"text {number} ü🙂" for number in range(200)}
    async with running(settings):
        producer.send(*(having(message=text, reference=text) for text in texts))
        await reading.until(lambda found: len(found.messages()) >= 200)
    messages = reading.messages()
    assert producer.refused == []
    assert all(isinstance(message, Message) for message in messages)
    assert {message.content.text for message in messages} == texts
    assert all(message.content.reference == message.content.text for message in messages)
    assert {message.organization for message in messages} == {"acme"}
    assert len({message.message_id for message in messages}) == 200
    assert {record.key.decode() for record in reading.records} == {m.message_id for m in messages}


async def test_a_strangers_full_batches_are_taken(
    settings: Settings, own_kafka: Kafka, reading: Reading
) -> None:
    """The broker's limit is of whole batches, and plain clients make them as large as a megabyte."""
    batching = Producer(own_kafka, **{"linger.ms": 1000})
    count = 4000
    async with running(settings):
        batching.send(*(having(message="x" * 150) for _ in range(count)), key=b"one partition")
        await reading.until(lambda found: len(found.records) == count)
    assert batching.refused == []


async def test_a_value_over_the_limit_is_a_dead_letter(
    settings: Settings, own_kafka: Kafka, reading: Reading
) -> None:
    async with running(settings):
        Producer(own_kafka).send(having(message="x" * LARGEST_BYTES), having(message="good"))
        await reading.until(lambda found: len(found.records) == 2)
    (letter,) = reading.dead()
    assert b"are the limit" in dict(letter.headers)["helio-dlq-reason"]
    assert letter.value == having(message="x" * LARGEST_BYTES)


async def test_a_topic_speaks_for_its_organization(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    async with running(settings):
        producer.send(
            having(from_phone_number=world.OTHERS, organization="acme", idempotency_key="t"), topic=GLOBEX
        )
        producer.send(having(from_phone_number=world.OTHERS, idempotency_key="t"))
        await reading.until(lambda found: len(found.messages()) >= 2)
    by_id = {message.message_id: message for message in reading.messages()}
    assert isinstance(by_id[ids.of_key("globex", "t")], Message)
    refused = by_id[ids.of_key("acme", "t")]
    assert isinstance(refused, Refusal)
    assert refused.code == "wrong_organization"


async def test_poison_goes_aside_and_the_next_record_goes_on(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    poison: list[bytes | None] = [
        b'{"from_phone_number": "+1415',
        b'{"message": "\xff\xfe"}',
        None,
        b"",
        b"\x00\x00\x00\x00\x07binary",
        having(type="sms.request.v9"),
        b"[" * 5000,
    ]
    async with running(settings):
        for number, value in enumerate(poison):
            good = f"good after {number}"
            producer.send(value, having(message=good))
            await reading.until(partial(has_text, good))
        await reading.until(lambda found: len(found.dead()) == len(poison))
    # No client of ours sends null: it is empty there, and told in a header.
    assert sorted(record.value for record in reading.dead()) == sorted(value or b"" for value in poison)
    assert [dict(record.headers)["helio-dlq-value"] for record in reading.dead()].count(b"null") == 1
    assert all(
        dict(record.headers)["helio-dlq-topic"] == topics.REQUESTS.encode() for record in reading.dead()
    )


async def test_a_header_with_a_name_of_any_bytes_stops_nothing(settings: Settings, reading: Reading) -> None:
    """Our client raises for a batch with a header whose name is not UTF-8; others' clients can send that."""
    await produce_by_hand(settings, *([("before", "h")] * 30), ("named", Name()), *([("with it", "h")] * 3))
    await produce_by_hand(settings, ("", Name()), *([("after", "h")] * 600))
    for partition in (1, 2, 3):
        await produce_by_hand(settings, *([("beside", Name())] * 10), partition=partition)
    async with running(settings):
        await reading.until(lambda found: len(found.records) == 665)
    texts = Counter(message.content.text for message in reading.messages())
    assert texts == {"before": 30, "named": 1, "with it": 3, "": 1, "after": 600, "beside": 30}
    assert len({message.message_id for message in reading.messages()}) == 665


class Name(str):
    """A header's name that is not UTF-8 on the wire, as clients in other languages can write one."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


async def produce_by_hand(settings: Settings, *records: tuple[str, str], partition: int = 0) -> None:
    """One batch on one partition: (text, header name)."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, acks="all")
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(
            2, 0, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=0,
            batch_size=100_000,
        )  # fmt: skip
        for text, name in records:
            headers = [(name, b"1"), ("null", None)]
            assert batch.append(key=None, value=having(message=text), timestamp=None, headers=headers)
        batch.close()
        await (await producer.send_batch(batch, topics.REQUESTS, partition=partition))
    finally:
        await producer.stop()


def has_text(text: str, found: Reading) -> bool:
    return any(message.content.text == text for message in found.messages())


def has_more_than(count: int, found: Reading) -> bool:
    return len(found.messages()) > count


async def test_what_cannot_be_accepted_is_refused_in_words(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    async with running(settings):
        producer.send(having(from_phone_number="+19995550100", reference="mine"))
        await reading.until(lambda found: len(found.messages()) == 1)
    (refused,) = reading.messages()
    assert isinstance(refused, Refusal)
    assert refused.detail == "No assistant found for phone number +19995550100"
    assert refused.content.reference == "mine"


async def test_an_aborted_transaction_was_never_there(
    settings: Settings, own_kafka: Kafka, producer: Producer, reading: Reading
) -> None:
    async with running(settings):
        transactional = {"transactional.id": f"t-{os.urandom(4).hex()}"}
        Producer(own_kafka, **transactional).transaction(having(message="aborted"), commit=False)
        Producer(own_kafka, **transactional).transaction(having(message="committed"), commit=True)
        producer.send(*(having(message="after") for _ in range(20)))
        await reading.until(lambda found: len(found.messages()) >= 21)
    await reading.to_the_end()
    assert sorted({message.content.text for message in reading.messages()}) == ["after", "committed"]
    assert reading.dead() == []


async def test_a_crash_between_produce_and_commit_repeats_records_under_the_same_ids(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    producer.send(having(message="once"), having(message="keyed", idempotency_key="crash"), b"{")
    async with built(settings) as made:
        made._publish = crashing(made._publish)
        with pytest.raises(Crashed):
            await made.run(asyncio.Event())
    await reading.until(lambda found: len(found.records) == 3)
    async with running(settings):
        await reading.until(lambda found: len(found.records) == 6)
    first, second = reading.records[:3], reading.records[3:]
    assert sorted((r.topic, r.key, r.value) for r in first) == sorted(
        (r.topic, r.key, r.value) for r in second
    )


class Crashed(Exception):  # noqa: N818  it stands for SIGKILL
    """The process is gone."""


def crashing(publish: Publish) -> Publish:
    async def published(records: Sequence[Outgoing]) -> None:
        await publish(records)
        raise Crashed

    return published


async def test_what_the_broker_has_not_acknowledged_is_not_committed(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    producer.send(having(message="later"))

    async def refused(_: Sequence[Outgoing]) -> None:
        raise KafkaError("not acknowledged")

    async with built(settings) as made:
        made._publish = refused
        with pytest.raises(KafkaError):
            await made.run(asyncio.Event())
    async with running(settings):
        await reading.until(lambda found: len(found.messages()) == 1)
    assert reading.messages()[0].content.text == "later"


async def test_intake_waits_for_route(settings: Settings, producer: Producer, reading: Reading) -> None:
    await commit_route(settings)
    narrow = settings.model_copy(update={"intake": IntakeSettings(owner="acme", max_ahead=100)})
    producer.send(*(having(message=f"wait {number}") for number in range(300)))
    async with built(narrow) as made:
        stop = asyncio.Event()
        held = watch_hold(made)
        task = asyncio.create_task(made.run(stop))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await held.wait()
        await reading.to_the_end()
        assert len(reading.messages()) == 100
        while len(reading.messages()) < 300:
            known = len(reading.messages())
            await commit_route(settings)
            await reading.until(partial(has_more_than, known))
            await reading.to_the_end()
        stop.set()
        await task
    assert len(reading.messages()) == 300


def watch_hold(made: intake.Intake) -> asyncio.Event:
    """Set when intake waits for the first time."""
    held, hold = asyncio.Event(), made._hold

    async def watched() -> None:
        held.set()
        await hold()

    made._hold = watched  # type: ignore[method-assign]  # to see it, not to change it
    return held


async def test_a_backlog_does_not_stand_before_another_organization(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    await commit_route(settings)
    async with running(settings):
        producer.send(*(having(message="first") for _ in range(10)))
        await reading.until(lambda found: len(found.messages()) == 10)
    producer.send(*(having(message=f"backlog {number}") for number in range(4000)))
    producer.send(having(from_phone_number=world.OTHERS, message="one"), topic=GLOBEX)
    batches: list[list[bytes]] = []
    async with built(settings) as made:
        publish = made._publish

        async def counted(records: Sequence[Outgoing]) -> None:
            batches.append([record.value or b"" for record in records])
            await publish(records)

        made._publish = counted
        stop = asyncio.Event()
        task = asyncio.create_task(made.run(stop))
        await reading.until(lambda found: len(found.records) == 4011)
        stop.set()
        await task
    (place,) = [number for number, batch in enumerate(batches) if any(b'"one"' in value for value in batch)]
    assert place <= 1
    assert sum(len(batch) for batch in batches[: place + 1]) < 4001


async def test_without_an_owner_records_are_set_aside_not_lost(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    nobodys = settings.model_copy(update={"intake": IntakeSettings()})
    async with running(nobodys):
        producer.send(having())
        await reading.until(lambda found: len(found.dead()) == 1)
    assert b"HELIO_INTAKE__OWNER" in dict(reading.dead()[0].headers)["helio-dlq-reason"]


async def test_trusted_producers_name_their_organization(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    trusting = settings.model_copy(update={"intake": IntakeSettings(trusted=True)})
    async with running(trusting):
        producer.send(
            having(organization="acme"), having(from_phone_number=world.OTHERS, organization="globex")
        )
        await reading.until(lambda found: len(found.messages()) == 2)
    assert sorted(message.organization for message in reading.messages()) == ["acme", "globex"]
    assert all(isinstance(message, Message) for message in reading.messages())


@pytest.mark.usefixtures("whole_view")
async def test_rest_knows_a_key_as_soon_as_its_record_is_produced(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    """Nobody routes or folds here: without the ledger being told, nothing knows of it."""
    taken, refused = uuid4().hex, uuid4().hex
    async with running(settings), opened(settings) as client:
        producer.send(
            having(idempotency_key=taken), having(idempotency_key=refused, from_phone_number="+19995550100")
        )
        await reading.until(lambda found: len(found.messages()) == 2)
        others = [
            await client.post("/sms/send", json={**BODY, "message": "Other", "idempotency_key": key})
            for key in (taken, refused)
        ]
        same = await client.post("/sms/send", json={**BODY, "idempotency_key": taken})
    await reading.to_the_end()
    assert [(answer.status_code, answer.json()["code"]) for answer in others] == [(422, "conflict")] * 2
    assert (same.status_code, same.json()["message_id"]) == (200, ids.of_key("acme", taken))
    assert len(reading.messages()) == 3
    assert len({message.message_id for message in reading.messages()}) == 2


async def test_without_the_ledger_keyed_records_go_on(
    settings: Settings, producer: Producer, reading: Reading
) -> None:
    away = RedisSettings(url="redis://127.0.0.1:1/0", timeout_seconds=0.5)
    async with running(settings.model_copy(update={"redis": away})):
        producer.send(having(idempotency_key=uuid4().hex))
        await reading.until(lambda found: len(found.messages()) == 1)
