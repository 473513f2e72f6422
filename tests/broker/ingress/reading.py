"""Reads what the doors have produced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from broker import clients
from schemas import topics
from schemas.facts import AnyFact, decode_fact
from schemas.messages import Failover, Message, Refusal, decode_message
from schemas.settings import KafkaSettings

DEAD = topics.dead_letters(topics.REQUESTS)
DEADLINE_SECONDS = 60


class Reading:
    """All records of the doors' topics since it was made, in the order of each partition."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord] = []

    @classmethod
    @asynccontextmanager
    async def started(cls, kafka: KafkaSettings) -> AsyncIterator[Self]:
        """Begin at the topics' ends as they are now."""
        consumer = clients.reader(kafka)
        await consumer.start()
        try:
            partitions = [
                TopicPartition(topic, number)
                for topic in (topics.MESSAGES, topics.EVENTS, DEAD)
                for number in range(4)
            ]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for partition, end in ends.items():
                consumer.seek(partition, end)
            yield cls(consumer)
        finally:
            await consumer.stop()

    def messages(self) -> list[Message | Refusal]:
        """What the doors have handed to route so far."""
        found = [decode_message(record.value) for record in self.records if record.topic == topics.MESSAGES]
        return [message for message in found if not isinstance(message, Failover)]

    def facts(self) -> list[AnyFact]:
        """What went to the fold so far."""
        return [decode_fact(record.value) for record in self.records if record.topic == topics.EVENTS]

    def dead(self) -> list[ConsumerRecord]:
        """Dead letters so far."""
        return [record for record in self.records if record.topic == DEAD]

    async def until(self, condition: Callable[[Self], bool]) -> None:
        """Read until `condition` holds.

        Raises:
            TimeoutError: it does not.
        """
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition(self):
                for records in (await self._consumer.getmany(timeout_ms=500)).values():
                    self.records += records

    async def to_the_end(self) -> None:
        """Read everything that is there now."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
                for records in (await self._consumer.getmany(timeout_ms=500)).values():
                    self.records += records
