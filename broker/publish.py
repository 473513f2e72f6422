"""Producing a batch: handed over in one go, done when the broker has acknowledged all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer


@dataclass(frozen=True)
class Outgoing:
    """A record to produce; partitioned by its key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


#: Returns when every record is acknowledged by all in-sync replicas.
Publish = Callable[[Sequence[Outgoing]], Awaitable[None]]


def publisher(producer: AIOKafkaProducer) -> Publish:
    """`producer` as a `Publish`: one wait for the whole batch, none for each record.

    The function raises a `KafkaError` if any record was refused; others of the batch may then be written.
    """

    async def publish(records: Sequence[Outgoing]) -> None:
        sent = [
            await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
            for record in records
        ]
        if sent:
            await asyncio.gather(*sent)

    return publish
