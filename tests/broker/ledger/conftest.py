"""A broker and a store of the ledger's own: topics are read wholly, the server is wiped and restarted."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from broker import clients
from broker.publish import Publish, publisher
from broker.topics import create
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from cli.local.valkey import Valkey
from ledger import Ledger
from schemas.settings import KafkaSettings, RedisSettings, TopicSettings
from tests.broker.ledger.records import PARTITIONS


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Kafka]:
    data = tmp_path_factory.mktemp("ledger-kafka")
    kafka = Kafka(data, port=choose(), controller_port=choose(), cache=jar_cache, jvm=QUICK_JVM)
    kafka.start()
    try:
        kafka.wait_ready()
        yield kafka
    finally:
        kafka.stop()


@pytest.fixture
async def kafka_settings(broker: Kafka) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
    await create(settings, TopicSettings(partitions=PARTITIONS))
    return settings


@pytest.fixture
async def producer(kafka_settings: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    async with clients.producer(kafka_settings) as client:
        yield client


@pytest.fixture
def publish(producer: AIOKafkaProducer) -> Publish:
    return publisher(producer)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", port=choose())
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def ledger(store: Valkey) -> AsyncIterator[Ledger]:
    async with Ledger(RedisSettings(url=store.url)) as client:
        yield client
