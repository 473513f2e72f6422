"""Reads request topics in turns: a backlog of one organization does not stand before another's record."""

import logging
from collections.abc import Collection
from itertools import groupby
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, UnsupportedCodecError

from ingress.refetch import batch_at

#: From one topic in one turn, at most. A turn is one round to the broker: a few milliseconds.
SHARE: Final = 500
_T = TypeVar("_T")
_LOG: Final = logging.getLogger(__name__)
#: To poll it is to poll without taking anything.
_NOWHERE: Final = TopicPartition("", 0)


class Turns:
    """Takes a share from each topic, each turn beginning with another one."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._first = 0

    async def take(self, room: int, wait_ms: int) -> list[ConsumerRecord]:
        """At most `room` records that are there already; else the first ones to come within `wait_ms`."""
        taken = await self._turn(room)
        if not taken:
            taken = await self._first_to_come(room, wait_ms)
            if taken and room > len(taken):
                taken += await self._turn(room - len(taken))
        return taken

    async def hold(self, wait_ms: int) -> None:
        """Take nothing for so long, and stay a member of the group: one that does not poll is thrown out."""
        await self._consumer.getmany(_NOWHERE, timeout_ms=wait_ms)

    async def _turn(self, room: int) -> list[ConsumerRecord]:
        held = self._consumer.assignment()
        topics = _by_topic(held)
        share = max(1, min(SHARE, room // max(1, len(topics))))
        self._first += 1
        taken: list[ConsumerRecord] = []
        for partitions in _turned(topics, self._first):
            taken += await self._share(partitions, min(share, room - len(taken)))
        return taken

    async def _share(self, partitions: list[TopicPartition], most: int) -> list[ConsumerRecord]:
        taken: list[ConsumerRecord] = []
        for partition in _turned(partitions, self._first):
            if len(taken) < most:
                taken += await self._of(partition, most - len(taken))
        return taken

    async def _of(self, partition: TopicPartition, most: int) -> list[ConsumerRecord]:
        """Records of one partition.

        Where it cannot take a batch apart, aiokafka raises and gives none, again and again. So the batch that
        is next is fetched once more, and read by us.
        """
        try:
            return _flat(await self._consumer.getmany(partition, timeout_ms=0, max_records=most))
        except Exception as error:
            if not _of_the_batch(error):
                raise
            return await self._by_hand(partition, most)

    async def _by_hand(self, partition: TopicPartition, most: int) -> list[ConsumerRecord]:
        try:
            batch = await batch_at(self._consumer, partition, await self._consumer.position(partition))
            taken = batch.records[:most]
            whole = len(taken) == len(batch.records)
            self._consumer.seek(partition, batch.next_offset if whole else taken[-1].offset + 1)
        except KafkaError as error:
            # The broker is away for a moment, or the partition is another's by now.
            _LOG.warning("batch.away topic=%s partition=%d error=%r", *partition, error)
            return []
        return taken

    async def _first_to_come(self, room: int, wait_ms: int) -> list[ConsumerRecord]:
        try:
            # One alone: when a second partition cannot be taken apart, what the first gave is lost for good.
            return _flat(await self._consumer.getmany(timeout_ms=wait_ms, max_records=1))
        except Exception as error:
            if not _of_the_batch(error):
                raise
            return await self._come(room)

    async def _come(self, room: int) -> list[ConsumerRecord]:
        """What has come, by hand: aiokafka does not say where it could not take a batch apart.

        It may not be left to the next turn, which would find nothing: it is being fetched again by then.
        """
        taken: list[ConsumerRecord] = []
        for partition in sorted(self._consumer.assignment()):
            most = min(SHARE, room - len(taken))
            if most and await self._has_more(partition):
                taken += await self._by_hand(partition, most)
        return taken

    async def _has_more(self, partition: TopicPartition) -> bool:
        """Whether the last fetch told of records there that nobody has taken."""
        if partition not in self._consumer.assignment():
            return False
        end = self._consumer.last_stable_offset(partition)
        try:
            return end is not None and await self._consumer.position(partition) < end
        except KafkaError:
            # It is another's by now.
            return False


def _of_the_batch(error: Exception) -> bool:
    """Whether it is what lies there that cannot be read, and not Kafka that has a trouble."""
    return isinstance(error, UnsupportedCodecError) or not isinstance(error, KafkaError)


def _by_topic(assignment: Collection[TopicPartition]) -> list[list[TopicPartition]]:
    ordered = sorted(assignment)
    return [list(partitions) for _, partitions in groupby(ordered, key=lambda partition: partition.topic)]


def _turned(items: list[_T], first: int) -> list[_T]:
    at = first % len(items) if items else 0
    return [*items[at:], *items[:at]]


def _flat(found: dict[TopicPartition, list[ConsumerRecord]]) -> list[ConsumerRecord]:
    return [record for records in found.values() for record in records]
