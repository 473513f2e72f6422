"""Whether all that was on its way to `sms.status.v1` at one moment has got there.

A message that a door has answered for lies on `sms.messages.v1`, then as a fact on `sms.events.v1`, and is
only then told. A view that lost what it knew of it is whole no sooner than that.
"""

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas import topics

log = logging.getLogger(__name__)

#: The way, step by step: a topic, and the group that commits what it has handed on to the next.
WAY: Final = ((topics.MESSAGES, topics.ROUTE_APP), (topics.EVENTS, topics.FOLD_APP))


class Offsets(Protocol):
    """What is asked of the broker; both by partition."""

    async def ends(self, topic: str, /) -> Mapping[int, int]:
        """The end of each partition that holds anything."""

    async def committed(self, topic: str, group: str, /) -> Mapping[int, int]:
        """What `group` has committed."""


class Arrival:
    """Of what lay on the way when `complete` was first asked."""

    def __init__(self, offsets: Offsets) -> None:
        self._offsets = offsets
        self._steps = list(WAY)
        self._ends: Mapping[int, int] | None = None

    async def complete(self) -> bool:
        """Whether it is all on `sms.status.v1` now. Not known is no; ask again."""
        try:
            while self._steps and await self._passed(*self._steps[0]):
                del self._steps[0]
                self._ends = None
        except KafkaError as e:
            log.warning("arrival.unknown error=%r", e)
        return not self._steps

    async def _passed(self, topic: str, group: str) -> bool:
        # The end of a step is taken once the step before is over: it covers what that handed on.
        if self._ends is None:
            self._ends = await self._offsets.ends(topic)
        committed = await self._offsets.committed(topic, group)
        return all(committed.get(partition, -1) >= end for partition, end in self._ends.items())


class KafkaOffsets:
    """Asks the broker.

    Args:
        reader: a started consumer that reads nothing; on one that reads, questions wait behind its fetches.
        admin: a started client.
        partitions: how many the topics have.
    """

    def __init__(self, reader: AIOKafkaConsumer, admin: AIOKafkaAdminClient, partitions: int) -> None:
        self._reader = reader
        self._admin = admin
        self._partitions = partitions

    async def ends(self, topic: str) -> Mapping[int, int]:
        """See `Offsets`."""
        asked = self._of(topic)
        starts = await self._reader.beginning_offsets(asked)
        ends = await self._reader.end_offsets(asked)
        return {one.partition: ends[one] for one in asked if ends[one] > starts[one]}

    async def committed(self, topic: str, group: str) -> Mapping[int, int]:
        """See `Offsets`."""
        found = await self._admin.list_consumer_group_offsets(group, partitions=self._of(topic))
        return {one.partition: known.offset for one, known in found.items()}

    def _of(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self._partitions)]
