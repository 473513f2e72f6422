"""Reads request topics in turns: a backlog of one organization does not stand before another's record."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

#: From one topic in one turn, at most. A turn is one round to the broker: a few milliseconds.
SHARE: Final = 500
_T = TypeVar("_T")
_CAREFUL_MS: Final = 20
_LOG: Final = logging.getLogger(__name__)
#: To poll it is to poll without taking anything.
_NOWHERE: Final = TopicPartition("", 0)


@dataclass(frozen=True)
class Unreadable:
    """A record that our client cannot take apart.

    The name of one of its headers is not UTF-8, or such a one stands before it in its producer's batch.
    """

    topic: str
    partition: int
    offset: int


class Turns:
    """Takes a share from each topic, each turn beginning with another one."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._first = 0
        #: How many records to ask for at once, where one of the next ones cannot be taken apart.
        self._careful: dict[TopicPartition, int] = {}

    async def take(self, room: int, wait_ms: int) -> list[ConsumerRecord | Unreadable]:
        """At most `room` records that are there already; else the first ones to come within `wait_ms`."""
        taken = await self._turn(room)
        if not taken:
            taken = await self._first_to_come(wait_ms)
            if taken and room > 1:
                taken += await self._turn(room - 1)
        return taken

    async def hold(self, wait_ms: int) -> None:
        """Take nothing for so long, and stay a member of the group: one that does not poll is thrown out."""
        await self._consumer.getmany(_NOWHERE, timeout_ms=wait_ms)

    async def _turn(self, room: int) -> list[ConsumerRecord | Unreadable]:
        held = self._consumer.assignment()
        self._careful = {partition: asked for partition, asked in self._careful.items() if partition in held}
        topics = _by_topic(held)
        share = max(1, min(SHARE, room // max(1, len(topics))))
        self._first += 1
        taken: list[ConsumerRecord | Unreadable] = []
        for partitions in _turned(topics, self._first):
            taken += await self._share(partitions, min(share, room - len(taken)))
        return taken

    async def _share(self, partitions: list[TopicPartition], most: int) -> list[ConsumerRecord | Unreadable]:
        taken: list[ConsumerRecord | Unreadable] = []
        for partition in _turned(partitions, self._first):
            if len(taken) < most:
                taken += await self._of(partition, most - len(taken))
        return taken

    async def _of(self, partition: TopicPartition, most: int) -> list[ConsumerRecord | Unreadable]:
        """Records of one partition.

        Where one of them cannot be taken apart, aiokafka raises and gives none, again and again. So fewer
        are asked for each time, until that one stands alone; it is stepped over. Then more are asked for
        again.
        """
        asked = min(most, self._careful.get(partition, most))
        try:
            found = _flat(await self._consumer.getmany(partition, timeout_ms=0, max_records=asked))
        except UnicodeDecodeError:
            if asked > 1:
                self._careful[partition] = asked // 2
                return []
            return [await self._step_over(partition)]
        if found and partition in self._careful:
            self._careful[partition] = asked * 2
            if asked >= SHARE:
                del self._careful[partition]
        return found

    async def _step_over(self, partition: TopicPartition) -> Unreadable:
        offset = await self._consumer.position(partition)
        self._consumer.seek(partition, offset + 1)
        # What follows in the same batch cannot be read either: aiokafka takes a batch apart from its start.
        self._careful[partition] = 1
        _LOG.warning("record.unreadable topic=%s partition=%d offset=%d", *partition, offset)
        return Unreadable(partition.topic, partition.partition, offset)

    async def _first_to_come(self, wait_ms: int) -> list[ConsumerRecord | Unreadable]:
        if self._careful:
            # The next turn finds the one that is in the way.
            await self.hold(min(wait_ms, _CAREFUL_MS))
            return []
        try:
            # One alone: when a second partition cannot be taken apart, what the first gave is lost for good.
            return _flat(await self._consumer.getmany(timeout_ms=wait_ms, max_records=1))
        except UnicodeDecodeError:
            return []


def _by_topic(assignment: Collection[TopicPartition]) -> list[list[TopicPartition]]:
    ordered = sorted(assignment)
    return [list(partitions) for _, partitions in groupby(ordered, key=lambda partition: partition.topic)]


def _turned(items: list[_T], first: int) -> list[_T]:
    at = first % len(items) if items else 0
    return [*items[at:], *items[:at]]


def _flat(found: dict[TopicPartition, list[ConsumerRecord]]) -> list[ConsumerRecord | Unreadable]:
    return [record for records in found.values() for record in records]
