"""Reads request topics in turns: a backlog of one organization does not stand before another's record."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

#: From one topic in one turn, at most. A turn is one round to the broker: a few milliseconds.
SHARE: Final = 500


class Turns:
    """Takes a share from each topic, each turn beginning with another one."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._first = 0

    async def take(self, room: int, wait_ms: int) -> list[ConsumerRecord]:
        """At most `room` records that are there already; else the first ones to come within `wait_ms`."""
        topics = _by_topic(self._consumer.assignment())
        if not topics:
            return _flat(await self._consumer.getmany(timeout_ms=wait_ms, max_records=room))
        self._first = (self._first + 1) % len(topics)
        share = max(1, min(SHARE, room // len(topics)))
        taken: list[ConsumerRecord] = []
        for partitions in [*topics[self._first :], *topics[: self._first]]:
            if len(taken) >= room:
                break
            taken += _flat(await self._consumer.getmany(*partitions, timeout_ms=0, max_records=share))
        return taken or _flat(await self._consumer.getmany(timeout_ms=wait_ms, max_records=share))


def _by_topic(assignment: Sequence[TopicPartition]) -> list[list[TopicPartition]]:
    ordered = sorted(assignment)
    return [list(partitions) for _, partitions in groupby(ordered, key=lambda partition: partition.topic)]


def _flat(found: dict[TopicPartition, list[ConsumerRecord]]) -> list[ConsumerRecord]:
    return [record for records in found.values() for record in records]
