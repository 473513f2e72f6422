"""A direct producer may compress as it likes: the request topics hand its records out readable (P6)."""

import asyncio
from typing import Any

import confluent_kafka
import pytest

from broker import clients, topics
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import requests_of

pytestmark = pytest.mark.broker
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


async def test_our_readers_read_what_any_codec_packed(kafka: Any) -> None:
    """By itself aiokafka stops at three of them, again and again: poison for the whole topic."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    topic = requests_of("codecs")
    await topics.create(settings, TopicSettings(), ["codecs"])
    for codec in CODECS:
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": kafka.bootstrap_servers, "compression.type": codec}
        )
        producer.produce(topic, codec.ljust(2000))
        assert await asyncio.to_thread(producer.flush, 30) == 0
    consumer = clients.reader(settings)
    consumer.subscribe([topic])
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            found = {(await consumer.getone()).value.decode().strip() for _ in CODECS}
    finally:
        await consumer.stop()
    assert found == set(CODECS)
