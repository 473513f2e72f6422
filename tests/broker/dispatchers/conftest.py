"""A bench of dispatchers on the real ledger and broker."""

from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from broker import clients
from broker.publish import publisher
from broker.topics import create
from ledger import Ledger
from schemas.settings import KafkaSettings, RedisSettings, TopicSettings
from tests.broker.dispatchers.bench import Bench, ready
from tests.conftest import Broker, Store


@pytest.fixture
async def bench(kafka: Broker, valkey: Store) -> AsyncIterator[Bench]:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    await create(settings, TopicSettings())
    producer = clients.producer(settings)
    await producer.start()
    async with Ledger(RedisSettings(url=valkey.url)) as ledger:
        made = Bench(ledger, publisher(producer))
        made.kafka = settings
        await ready(made)
        await forget_failures(valkey)
        made.written.clear()
        yield made
    await producer.stop()


async def forget_failures(valkey: Store) -> None:
    """All tests share one account, whose breaker earlier ones may have opened, or which they slowed."""
    async with redis.asyncio.from_url(valkey.url) as client:
        for known in ("breakers", "slowed"):
            async for key in client.scan_iter(f"helio:*:{known}"):
                await client.delete(key)
