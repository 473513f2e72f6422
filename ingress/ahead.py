"""How far intake is ahead of `route`: what it lets in beyond that only lies in line (docs/ingress.md)."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from broker.refusal import denied
from ingress import metrics
from schemas import topics

_LOG: Final = logging.getLogger(__name__)
#: A look costs two round trips; what we let in ourselves is counted in between.
_LOOK_SECONDS: Final = 0.2


class Room:
    """How many more records may go in.

    Args:
        offsets: a started consumer that reads nothing, asked for the ends of `sms.messages.v1`. On one
            that reads, the question would lie behind a fetch that waits for records: a second each time.
        admin: asked for what route's group has committed.
        max_ahead: how many records may lie between the two.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        offsets: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        max_ahead: int,
        clock: Callable[[], float],
    ) -> None:
        self._offsets = offsets
        self._admin = admin
        self._max_ahead = max_ahead
        self._clock = clock
        self._room = 0
        self._looked_at = float("-inf")
        self._coordinator: int | None = None

    async def now(self) -> int:
        """Records that may go in; 0 or less: wait."""
        if self._room <= 0 or self._clock() - self._looked_at > _LOOK_SECONDS:
            self._room = await self._look()
            self._looked_at = self._clock()
        return self._room

    def took(self, count: int) -> None:
        """So many have gone in."""
        self._room -= count

    async def _look(self) -> int:
        try:
            partitions = await self._partitions()
            committed = await self._committed(partitions)
            # Committed first: an end that is older than it would let too many in.
            ends = await self._offsets.end_offsets(partitions)
            starts = await self._offsets.beginning_offsets(partitions)
        except KafkaError as error:
            if denied(error):
                raise  # who waits for a right waits for people
            _LOG.warning("ahead.unknown error=%r", error)
            self._coordinator = None
            return 0
        found = ahead(starts, committed, ends)
        metrics.AHEAD.set(found)
        return self._max_ahead - found

    async def _partitions(self) -> list[TopicPartition]:
        numbers = self._offsets.partitions_for_topic(topics.MESSAGES)
        if numbers is None:
            described = await self._admin.describe_topics([topics.MESSAGES])
            numbers = {found["partition"] for found in described[0]["partitions"]}
        return [TopicPartition(topics.MESSAGES, number) for number in sorted(numbers)]

    async def _committed(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self._coordinator is None:
            self._coordinator = await self._admin.find_coordinator(topics.ROUTE_APP)
        found = await self._admin.list_consumer_group_offsets(topics.ROUTE_APP, self._coordinator, partitions)
        return {partition: known.offset for partition, known in found.items()}


def ahead(
    starts: Mapping[TopicPartition, int],
    committed: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> int:
    """Records between what is committed and the end. Nothing committed (-1) is the log's start."""
    return sum(
        max(0, end - max(starts[partition], committed.get(partition, -1))) for partition, end in ends.items()
    )
