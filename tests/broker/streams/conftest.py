"""A broker of the streams' own, with its topics: they are read wholly, and processes are killed around it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from broker import clients
from broker.publish import Publish, publisher
from broker.topics import create
from cli.local.child import Child
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from cli.local.valkey import Valkey
from schemas.settings import KafkaSettings, TopicSettings
from tests.broker.streams.services import PARTITIONS, Service, service


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Kafka]:
    data = tmp_path_factory.mktemp("streams-kafka")
    kafka = Kafka(data, port=choose(), controller_port=choose(), cache=jar_cache, jvm=QUICK_JVM)
    kafka.start()
    try:
        kafka.wait_ready()
        yield kafka
    finally:
        kafka.stop()


@pytest.fixture
async def kafka_settings(broker: Kafka) -> KafkaSettings:
    """Where it is; it has all topics."""
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
def run(tmp_path: Path, broker: Kafka) -> Iterator[Callable[..., Service]]:
    """Run `python -m streams NAME`; all that runs is ended with the test."""
    started: list[Child] = []

    def start(name: str, **env: str) -> Service:
        child = service(name, broker.bootstrap_servers, tmp_path, len(started), env)
        started.append(child)
        child.start()
        return child

    yield start
    for child in started:
        child.kill()
