"""How far a stream's reader is done, partition by partition, and what of it is committed."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError


class Places:
    """The record in hand, and the offsets behind what is done and not committed.

    Args:
        consumer: of a group; None: nothing is ever committed.
    """

    def __init__(self, consumer: AIOKafkaConsumer | None) -> None:
        self._consumer = consumer
        self._in_hand: ConsumerRecord | None = None
        self._done: dict[TopicPartition, int] = {}

    def take(self, record: ConsumerRecord) -> None:
        """The reader has this record in hand."""
        self._in_hand = record

    def finish(self) -> None:
        """The reader is done with what is in hand."""
        got, self._in_hand = self._in_hand, None
        if got is not None and self._consumer is not None:
            self._done[TopicPartition(got.topic, got.partition)] = got.offset + 1

    async def commit(self) -> None:
        """Commit what is done. What cannot be committed now comes again, here or with another member."""
        if self._consumer is None:
            return
        ours = self._consumer.assignment()
        offsets = {partition: offset for partition, offset in self._done.items() if partition in ours}
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            pass  # they were given to another member meanwhile
        except KafkaError as error:
            if error.retriable:
                return
            raise
        # The reader may have gone on meanwhile.
        for partition, offset in offsets.items():
            if self._done.get(partition) == offset:
                del self._done[partition]

    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """These are another member's: where we were there counts no more, lest we commit it backwards."""
        gone = set(partitions)
        for partition in gone:
            self._done.pop(partition, None)
        got = self._in_hand
        if got is not None and TopicPartition(got.topic, got.partition) in gone:
            self._in_hand = None


class Revoked(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped upstream
    """Commits what is done before partitions go to another member."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """They go."""
        await self._places.commit()
        self._places.revoke(revoked)

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """They come: where they begin, the group knows."""
