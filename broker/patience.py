"""What aiokafka lacks for a broker that is away: it neither spins meanwhile nor gives a record up."""

import asyncio
import math
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient


class Client(AIOKafkaClient):  # type: ignore[misc]  # untyped upstream
    """Connections that pause between two tries to reach any broker.

    Without it, each producer and consumer whose broker was stopped in order asks for its partitions' leaders
    again and again: a core for each, and thousands of log lines a second.
    """

    async def _metadata_update(self, *args: Any) -> bool:
        updated: bool = await super()._metadata_update(*args)
        if not updated:
            await asyncio.sleep(self._retry_backoff)
        return updated


# aiokafka builds its clients itself and has no place to hand one in: theirs become ours. (It is pinned.)


def patient_producer(made: AIOKafkaProducer) -> AIOKafkaProducer:
    """Have an idempotent producer keep its records for as long as it takes.

    It repeats a refused batch for ever, but gives up one whose partition has no leader for long. The sequence
    of the partition then has a hole, and the broker refuses all that comes after.
    """
    made.client.__class__ = Client
    made._message_accumulator._batch_ttl = math.inf  # noqa: SLF001  see above
    return made


def patient_consumer(made: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Have a consumer not spin."""
    made._client.__class__ = Client  # noqa: SLF001  see above
    return made


def patient_admin(made: AIOKafkaAdminClient) -> AIOKafkaAdminClient:
    """Have an admin client not spin."""
    made._client.__class__ = Client  # noqa: SLF001  see above
    return made
