"""While no broker answers, the client does not ask for one as fast as it can."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataResponse_v1

from streams.engine.client import Client

NOBODY = "127.0.0.1", 1  # nothing listens there
FOREVER_MS = 3_600_000
ATTEMPTS = 50


@pytest.fixture
async def clients() -> AsyncIterator[tuple[Client, AIOKafkaClient]]:
    """Ours and aiokafka's, as after the broker that they knew has gone."""
    both = Client(retry_backoff_ms=FOREVER_MS), AIOKafkaClient(retry_backoff_ms=FOREVER_MS)
    for client in both:
        client.cluster.update_metadata(MetadataResponse_v1([(1, *NOBODY, None)], 1, []))
    yield both
    for client in both:
        await client.close()


async def test_it_waits_before_the_next_attempt(clients: tuple[Client, AIOKafkaClient]) -> None:
    ours, theirs = clients
    asking = asyncio.create_task(ours._metadata_update(ours.cluster, []))
    for _ in range(ATTEMPTS):
        assert not await theirs._metadata_update(theirs.cluster, [])
    assert not asking.done()
    asking.cancel()
