"""Producing a batch: handed over in one go, done when the broker has acknowledged all of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outgoing:
    """A record to produce; partitioned by its key. Its repr leaves the value out: that is somebody's text."""

    topic: str
    key: bytes | None
    value: bytes | None = field(repr=False)
    headers: Sequence[tuple[str, bytes]] = ()


#: Returns when every record is acknowledged by all in-sync replicas.
Publish = Callable[[Sequence[Outgoing]], Awaitable[None]]


def publisher(producer: AIOKafkaProducer) -> Publish:
    """`producer` as a `Publish`: one wait for the whole batch, none for each record.

    It waits for a broker that is away, however long that takes. It raises a `KafkaError` if any record was
    refused; others of the batch may then be written.
    """

    async def publish(records: Sequence[Outgoing]) -> None:
        sent = [await _taken(producer, record) for record in records]
        if sent:
            await asyncio.gather(*sent)

    return publish


async def _taken(producer: AIOKafkaProducer, record: Outgoing) -> Any:
    """The future of a record that the producer has taken."""
    while True:
        try:
            return await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
        except KafkaTimeoutError:
            # Nothing of it was taken: what came before it fills the producer, and the broker takes nothing.
            _LOG.warning("publish.waiting topic=%s", record.topic)
