"""The directory on the real broker: applied, followed, raced for, and fed what it must refuse."""

import asyncio
import os

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from broker import clients
from broker.topics import create
from directory.apply import Action, RaceLostError, apply, write
from directory.changes import compare
from directory.file import DirectoryFileError, parse
from directory.replica import Replica
from schemas import topics
from schemas.directory import Assistant, Brand, Entry
from schemas.settings import KafkaSettings, TopicSettings
from tests.conftest import Broker

pytestmark = pytest.mark.broker
LOG = TopicPartition(topics.DIRECTORY, 0)


@pytest.fixture
async def settings(kafka: Broker) -> KafkaSettings:
    found = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    await create(found, TopicSettings())
    return found


@pytest.fixture
def name() -> str:
    """An organization of this test alone: the topic is everyone's."""
    return f"org-{os.urandom(6).hex()}"


def file(organization: str, *names: str) -> str:
    brands = ", ".join(f"{organization}-{one}: {{name: {one}}}" for one in names)
    return f"organizations: {{{organization}: {{brands: {{{brands}}}}}}}"


def replica(settings: KafkaSettings) -> Replica:
    return Replica(settings, died=lambda _: None)


async def append(settings: KafkaSettings, *records: tuple[bytes | None, bytes | None]) -> int:
    """Put (key, value) records on the topic; the last one's offset."""
    async with clients.producer(settings) as producer:
        offsets = [
            (await producer.send_and_wait(topics.DIRECTORY, value, key=key, partition=0)).offset
            for key, value in records
        ]
    return int(offsets[-1])


async def last_of(settings: KafkaSettings, key: bytes) -> bytes | None:
    """The value of the last record under `key`: what compaction would keep."""
    consumer: AIOKafkaConsumer = clients.reader(settings)
    await consumer.start()
    try:
        consumer.assign([LOG])
        end = (await consumer.end_offsets([LOG]))[LOG]
        found = None
        while await consumer.position(LOG) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found = next((r.value for r in reversed(records) if r.key == key), found)
        return found
    finally:
        await consumer.stop()


def entry(organization: str, version: int, name: str = "a") -> Entry:
    entity = Assistant(organization=organization, id=f"{organization}-x", name=name, numbers=())
    return Entry(
        kind="assistant", id=entity.id, organization=organization, version=version, at=1, entity=entity
    )


async def test_applied_once_and_then_there_is_nothing_to_do(settings: KafkaSettings, name: str) -> None:
    changes = await apply(settings, file(name, "a", "b"), now=1)
    assert [(change.action, change.id) for change in changes] == [
        (Action.CREATE, f"{name}-a"),
        (Action.CREATE, f"{name}-b"),
    ]
    assert await apply(settings, file(name, "a", "b"), now=2) == []
    async with replica(settings) as made:
        assert ("brand", f"{name}-a") in made.directory.live


async def test_a_dry_run_writes_nothing(settings: KafkaSettings, name: str) -> None:
    assert len(await apply(settings, file(name, "a"), now=1, dry_run=True)) == 1
    async with replica(settings) as made:
        assert made.directory.version("brand", f"{name}-a") == 0


async def test_a_wrong_file_writes_nothing(settings: KafkaSettings, name: str) -> None:
    text = f"organizations: {{{name}: {{campaigns: {{{name}-c: {{brand: none, use: alerts}}}}}}}}"
    with pytest.raises(DirectoryFileError, match="there is no brand none"):
        await apply(settings, text, now=1)
    async with replica(settings) as made:
        assert made.directory.version("campaign", f"{name}-c") == 0


async def test_pruned_and_made_again(settings: KafkaSettings, name: str) -> None:
    await apply(settings, file(name, "a", "b"), now=1)
    changes = await apply(settings, file(name, "b"), now=2, prune=True)
    assert [(change.action, change.id) for change in changes] == [(Action.DELETE, f"{name}-a")]
    again = await apply(settings, file(name, "a", "b"), now=3)
    assert [(change.action, change.version) for change in again] == [(Action.CREATE, 3)]


async def test_a_replica_follows(settings: KafkaSettings, name: str) -> None:
    async with replica(settings) as made:
        await apply(settings, file(name, "a"), now=1)
        offset = await append(settings, (entry(name, 1).key, entry(name, 1).encode()))
        async with asyncio.timeout(20):
            directory = await made.reached(offset)
        assert ("brand", f"{name}-a") in directory.live
        assert directory.version("assistant", f"{name}-x") == 1


async def test_who_comes_second_is_told_and_what_holds_is_the_last_word(
    settings: KafkaSettings, name: str
) -> None:
    """Two compared with the same directory: the second one's entries are refused by every replica."""
    async with clients.producer(settings) as producer, replica(settings) as before:
        wanted = parse(file(name, "a").replace("name: a", "name: mine"), source="f", variables={})
        changes, _ = compare(before.directory, wanted, prune=False)
        await apply(settings, file(name, "a"), now=1)
        with pytest.raises(RaceLostError, match=f"brand {name}-a"):
            await write(producer, before, changes, 2)
    async with replica(settings) as after:
        brand = after.directory.live["brand", f"{name}-a"]
        assert isinstance(brand, Brand)
        assert brand.name == "a"
        assert ("brand", f"{name}-a") not in after.directory.disputed
    kept = Entry.decode(await last_of(settings, f"brand:{name}-a".encode()))
    assert kept.entity == brand


async def test_what_is_refused_changes_nothing_and_the_next_writer_mends_the_log(
    settings: KafkaSettings, name: str
) -> None:
    holds = entry(name, 1)
    key = holds.key
    await append(
        settings,
        (key, holds.encode()),
        (key, entry(name, 1, "other").encode()),
        (key, entry("thief", 2).model_copy(update={"id": holds.id}).encode()),
        (b"assistant:else", entry(name, 2, "under another key").encode()),
        (key, b'{"type":"directory.v1"'),
        (key, b"\xff"),
        (b"", b"{}"),
        (key, None),
    )
    async with replica(settings) as made:
        assert made.directory.entries["assistant", holds.id] == holds
        assert ("assistant", holds.id) in made.directory.disputed
    await apply(settings, file(name, "a"), now=1)
    assert await last_of(settings, key) == holds.encode()
    async with replica(settings) as made:
        assert made.directory.entries["assistant", holds.id] == holds
        assert ("assistant", holds.id) not in made.directory.disputed


async def test_fields_of_a_newer_release_are_ignored(settings: KafkaSettings, name: str) -> None:
    newer = entry(name, 1)
    value = newer.encode().replace(b'"numbers":[]', b'"numbers":[],"colour":"red"')
    await append(settings, (newer.key, value))
    async with replica(settings) as made:
        assert made.directory.live["assistant", newer.id] == newer.entity


async def test_a_replica_that_cannot_read_on_says_so(settings: KafkaSettings) -> None:
    """Else a service would go on with a directory that stands still."""
    died: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    made = Replica(settings, died=died.set_result)
    await made.start()
    assert made.failure() is None
    consumer = made._consumer
    assert consumer is not None
    await consumer.stop()
    async with asyncio.timeout(20):
        error = await died
    assert made.failure() is error
    await made.stop()
