"""The one producer of the process, for outputs and changelogs: idempotent, acknowledged by all replicas."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import faust.transport.drivers.aiokafka as driver
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import MessageBatch
from aiokafka.structs import TopicPartition

from streams.engine.accumulator import Accumulator, Headers
from streams.engine.client import Client
from streams.engine.exits import Exit, die
from streams.engine.lease import Lease


class Output(AIOKafkaProducer):  # type: ignore[misc]  # untyped upstream
    """aiokafka's producer with our client and accumulator in it (it offers no place to hand them in)."""

    def __init__(self, *, lease: Lease, slow: Mapping[str, float], **options: Any) -> None:
        super().__init__(**options)
        self.client.__class__ = Client
        self.client.lease = lease
        self._message_accumulator.__class__ = Accumulator
        self._message_accumulator.slow = slow

    def put(
        self, topic: str, value: bytes, key: bytes | None, partition: int | None, headers: Headers
    ) -> MessageBatch:
        """Queue a record. Returns the batch that took it; its `.future` ends when the broker has it.

        Args:
            topic: one that `Producer.partition_counts` was asked for.
            value: bytes as they are.
            key: likewise; chooses the partition (murmur2, as Java's clients) where none is given.
            partition: one that the topic has, or None.
            headers: name and bytes.
        """
        if partition is None:
            partition = self._partition(topic, None, key, value, key, value)
        return self._message_accumulator.put(TopicPartition(topic, partition), key, value, headers)


class Producer(driver.Producer):  # type: ignore[misc]  # untyped upstream
    """The shared `Output` as Faust's own producer: Faust starts it first, flushes it, and stops it last."""

    @property
    def _producer_type(self) -> Any:
        slow = dict.fromkeys(self.app.tables.changelog_topics, self.app.tuning.table_linger_seconds)
        return partial(Output, lease=self.app.lease, slow=slow)

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        """Start, and know the changelogs before the first write."""
        await super().on_start()
        self.put = self._producer.put
        await self.partition_counts(self.app.tables.changelog_topics)

    async def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """How many partitions each topic to write has.

        Closes: a missing output topic leaves Faust's worker alive and hung. Here it ends the process.
        """
        counts = {}
        for topic in topics:
            try:
                async with asyncio.timeout(self.app.tuning.topic_wait_seconds):
                    counts[topic] = len(await self._producer.partitions_for(topic))
            except Exception as exc:  # noqa: BLE001  # whatever it is, the topic cannot be written
                die(Exit.TOPICS, "topic %s to write: %r", topic, exc)
        return counts
