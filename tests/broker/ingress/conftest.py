"""A broker of these tests' own (they stop it, and count what is on its topics), with a directory applied."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.topics import create
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from directory.apply import apply
from ledger import Ledger
from ledger.lock import Lock
from schemas.settings import (
    IngressSettings,
    IntakeSettings,
    KafkaSettings,
    RedisSettings,
    Settings,
    TopicSettings,
)
from tests.broker.ingress.reading import Reading
from tests.conftest import Store
from tests.fakes import world

FILE = world.FILE.replace("  globex:\n", "  globex:\n    defaults: {own_topic: true}\n")


@pytest.fixture(scope="session")
def own_kafka(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Kafka]:
    broker = Kafka(
        tmp_path_factory.mktemp("ingress-kafka"),
        port=choose(),
        controller_port=choose(),
        cache=jar_cache,
        jvm=QUICK_JVM,
    )
    broker.start()
    try:
        broker.wait_ready()
        asyncio.run(prepare(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)))
        yield broker
    finally:
        broker.stop()


async def prepare(kafka: KafkaSettings) -> None:
    """Topics and directory."""
    await create(kafka, TopicSettings(), ["globex"])
    await apply(kafka, FILE, now=1)


@pytest.fixture
def settings(own_kafka: Kafka, valkey: Store) -> Settings:
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers),
        redis=RedisSettings(url=valkey.url),
        # Nobody routes here: what one test lets in lies before route until the next one.
        intake=IntakeSettings(owner="acme", max_ahead=5_000),
        ingress=IngressSettings(produce_timeout_seconds=20),
    )


@pytest.fixture
async def whole_view(settings: Settings) -> None:
    """The view knows everything: nothing of these tests is on the status topic."""
    async with Ledger(settings.redis) as ledger:
        count = settings.topics.partitions
        for partition in range(count):
            assert await ledger.mark_whole(partition, await ledger.begin_partition(partition), count)


@pytest.fixture
async def epoch(settings: Settings) -> None:
    """The ledger decides claims: nothing was handed over before."""
    async with Ledger(settings.redis) as ledger:
        lock = await Lock.acquire(ledger.server, 30_000)
        if isinstance(lock, Lock):
            await lock.publish()


@pytest.fixture
async def reading(settings: Settings) -> AsyncIterator[Reading]:
    """What comes to `sms.messages.v1` and to the dead letters from now on."""
    async with Reading.started(settings.kafka) as found:
        yield found
