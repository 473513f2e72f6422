"""A broker of the notifiers' own, with its topics: processes are killed around it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker import clients
from broker.publish import Publish, publisher
from broker.topics import create
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from schemas.settings import KafkaSettings, TopicSettings
from tests.broker.notifiers.services import PARTITIONS


@pytest.fixture(scope="module")
def kafka_settings(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[KafkaSettings]:
    data = tmp_path_factory.mktemp("notifiers-kafka")
    kafka = Kafka(data, port=choose(), controller_port=choose(), cache=jar_cache, jvm=QUICK_JVM)
    kafka.start()
    try:
        kafka.wait_ready()
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
        asyncio.run(create(settings, TopicSettings(partitions=PARTITIONS)))
        yield settings
    finally:
        kafka.stop()


@pytest.fixture
async def publish(kafka_settings: KafkaSettings) -> AsyncIterator[Publish]:
    async with clients.producer(kafka_settings) as client:
        yield publisher(client)
