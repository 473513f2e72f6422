"""Poison stops nothing (P12): every good record goes on, every bad one is where it belongs.

Each kind of `poison.py` comes first, in the middle and last in a batch of a plain producer.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from broker import clients
from cli.local.kafka import Kafka
from ingress.turns import Turns
from schemas import ids, topics
from schemas.messages import Message, Refusal
from schemas.settings import Settings
from tests.broker.ingress.poison import CORPUS, NO_UTF8, Kind, Place, request
from tests.broker.ingress.reading import Reading
from tests.broker.ingress.test_intake import Producer, commit_route
from tests.broker.ingress.test_processes import process, until_ready

pytestmark = pytest.mark.broker
PARTITIONS = 4
#: The producers' own clock: it counts for nothing.
NOW = 1_000
#: Which of a batch of three is the poison.
PLACES = (0, 1, 2)


@dataclass(frozen=True)
class Sent:
    """A record that the broker has."""

    kind: Kind
    partition: int
    offset: int
    timestamp: int

    @property
    def message_id(self) -> str:
        """Its id, unless it has a key."""
        return ids.of_record(topics.REQUESTS, self.partition, self.offset, self.timestamp)


def beside(kind: Kind, place: int) -> Kind:
    """A good record for the same batch."""
    return Kind(f"beside {kind.name}, which is number {place}", request(), Place.GOOD)


async def produce(producer: AIOKafkaProducer, kinds: Sequence[Kind], partition: int) -> list[Sent]:
    """One batch, exactly as given."""
    batch = producer.create_batch()
    # By hand: what the fast builder refuses to write is what others' clients do write.
    batch._builder = _DefaultRecordBatchBuilderPy(
        2, 0, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=1_000_000
    )
    for kind in kinds:
        assert batch.append(
            key=kind.key, value=kind.value, timestamp=kind.timestamp or NOW, headers=list(kind.headers)
        )
    batch.close()
    at = await (await producer.send_batch(batch, topics.REQUESTS, partition=partition))
    return [Sent(kind, partition, at.offset + n, at.timestamp) for n, kind in enumerate(kinds)]


async def poisoned(settings: Settings) -> list[Sent]:
    """The whole corpus on the topic, three batches of each kind."""
    sent: list[Sent] = []
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, acks="all", max_request_size=1_100_000
    ) as producer:
        for number, kind in enumerate(CORPUS):
            for place in PLACES:
                batch = [beside(kind, place)] * 2
                batch.insert(place, kind)
                sent += await produce(producer, batch, (number + place) % PARTITIONS)
    return sent


def origin(letter: ConsumerRecord) -> tuple[int, int]:
    """The partition and offset that a dead letter comes from."""
    told = dict(letter.headers)
    return int(told["helio-dlq-partition"]), int(told["helio-dlq-offset"])


@pytest.mark.parametrize("place", Place)
def test_the_corpus_is_wide(place: Place) -> None:
    names = [kind.name for kind in CORPUS if kind.place is place]
    assert len(names) == len(set(names)) >= 15
    assert len(CORPUS) >= 100


async def test_all_poison_in_every_place_of_a_batch(
    settings: Settings, tmp_path: Path, own_kafka: Kafka, reading: Reading
) -> None:
    await commit_route(settings)
    aborted = Producer(own_kafka, **{"transactional.id": "poison-aborted"})
    await asyncio.to_thread(aborted.transaction, request(message="aborted"), b"{aborted", commit=False)
    with process("intake", settings, tmp_path) as started:
        until_ready(tmp_path, started)
        sent = await poisoned(settings)
        await reading.until(lambda found: len(found.records) >= len(sent))
        await reading.to_the_end()
        assert started.poll() is None, (tmp_path / "log").read_text()
    assert len(reading.records) == len(sent)
    letters = {origin(letter): letter for letter in reading.dead()}
    found = {message.message_id: message for message in reading.messages()}
    wrong = [(one.kind.name, flaw) for one in sent if (flaw := misplaced(one, letters, found))]
    assert wrong == []
    assert len(letters) == sum(one.kind.place is Place.DEAD for one in sent)


def misplaced(
    sent: Sent,
    letters: dict[tuple[int, int], ConsumerRecord],
    found: dict[str, Message | Refusal],
) -> str | None:
    """What is wrong with what became of a record."""
    letter = letters.get((sent.partition, sent.offset))
    if sent.kind.place is Place.DEAD:
        return "no dead letter" if letter is None else altered(sent.kind, letter)
    if letter is not None:
        return f"a dead letter: {dict(letter.headers)['helio-dlq-reason']!r}"
    id_ = ids.of_key("acme", key) if (key := own_key(sent.kind)) else sent.message_id
    message = found.get(id_)
    if sent.kind.place is Place.GOOD:
        taken = isinstance(message, Message) and message.content.accepted_at == sent.timestamp
        return None if taken else f"not taken: {message!r:.300}"
    told = isinstance(message, Refusal) and message.code == sent.kind.why and message.detail
    return None if told else f"not told: {message!r:.300}"


def own_key(kind: Kind) -> str | None:
    """The idempotency key of the one kind that has one which can be read."""
    return "   " if b'"   "' in (kind.value or b"") else None


def altered(kind: Kind, letter: ConsumerRecord) -> str | None:
    """What is wrong with a dead letter."""
    told = dict(letter.headers)
    if kind.why not in told["helio-dlq-reason"].decode():
        return f"reason: {told['helio-dlq-reason']!r}"
    if (letter.value, letter.key) != (kind.value or b"", kind.key):
        return "other bytes"
    if told["helio-dlq-value"] != (b"null" if kind.value is None else b"bytes"):
        return "null is not told from empty"
    if list(letter.headers)[: len(kind.headers)] != list(kind.headers):
        return "other headers"
    return None


@pytest.mark.usefixtures("own_kafka")
async def test_a_header_that_is_no_utf8_stands_in_nobodys_way_at_an_idle_door(settings: Settings) -> None:
    """By what is taken, and by how often: a door that spins takes nothing in its first turn."""
    async with AsyncExitStack() as stack:
        consumer = clients.group_consumer(settings.kafka, topics.INTAKE_GROUP)
        consumer.subscribe([topics.REQUESTS])
        await stack.enter_async_context(consumer)
        producer = await stack.enter_async_context(
            AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, acks="all")
        )
        turns, bad = Turns(consumer), Kind("bad", request(), Place.GOOD, headers=[(NO_UTF8, b"1")])
        async with asyncio.timeout(60):
            await at_the_end(consumer)
            for number in range(PARTITIONS):
                taking = asyncio.create_task(turns.take(500, 60_000))
                await asyncio.sleep(0)
                (sent,) = await produce(producer, [bad], number)
                taken = await taking
                assert [(one.partition, one.offset) for one in taken] == [(number, sent.offset)]
        await consumer.commit()


async def at_the_end(consumer: AIOKafkaConsumer) -> None:
    """Stand where nothing is left to be read."""
    while len(consumer.assignment()) < PARTITIONS:
        await consumer.getmany(timeout_ms=100)
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)


async def refused_by_the_broker(kafka: Kafka, value: bytes, codec: str) -> tuple[list[str], list[str]]:
    """What a plain client is told of a large value, and of a good record after it."""
    options: dict[str, Any] = {"compression.type": codec, "message.max.bytes": 100_000_000}
    large, small = Producer(kafka, **options), Producer(kafka)
    await asyncio.to_thread(large.send, value)
    await asyncio.to_thread(small.send, request(message="after"))
    return large.refused, small.refused


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
async def test_a_compressed_bomb_is_refused_by_the_broker_or_set_aside(
    codec: str, settings: Settings, tmp_path: Path, own_kafka: Kafka, reading: Reading
) -> None:
    """20 MB of spaces are a few KB on the wire, and nobody keeps 20 MB for them."""
    await commit_route(settings)
    with process("intake", settings, tmp_path) as started:
        until_ready(tmp_path, started)
        bomb, after = await refused_by_the_broker(own_kafka, b" " * 20_000_000, codec)
        await reading.until(has_after)
        assert started.poll() is None
    assert (bomb, after) == (["MSG_SIZE_TOO_LARGE"], [])
    assert len(reading.records) == 1


def has_after(found: Reading) -> bool:
    return any(message.content.text == "after" for message in found.messages())
