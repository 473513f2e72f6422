"""Where produced records gather to batches until they leave."""

import collections
import time
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.producer.message_accumulator import MessageAccumulator, MessageBatch
from aiokafka.structs import TopicPartition

from streams.engine.exits import Exit, die

Headers = list[tuple[str, bytes]]
NO_HEADERS: Final[Headers] = []


class Accumulator(MessageAccumulator):  # type: ignore[misc]  # untyped upstream
    """Saves CPU: appends without awaiting, without a future per record; batches of a node leave together.

    Paced instead of lingering: a record leaves at once if none left within the last linger time, else when
    that is over. Batches of `slow` topics wait their own time, unless others take them along.
    """

    slow: Mapping[str, float]
    """Topic to linger time in seconds."""
    _last = 0.0

    def _append_batch(self, builder: Any, tp: TopicPartition) -> MessageBatch:
        linger = self.slow.get(tp.topic)
        if linger is None:
            linger = self._linger_time - (time.monotonic() - self._last)
        batch = MessageBatch(tp, builder, self._batch_ttl, linger)
        self._batches[tp].append(batch)
        if not self._waiter_future.done():
            self._waiter_future.set_result(None)
        return batch

    def put(self, tp: TopicPartition, key: bytes | None, value: bytes, headers: Headers) -> MessageBatch:
        """Append a record. Returns the batch that took it; its `.future` ends when the broker has it."""
        if self._exception is not None or self._closed:
            die(Exit.SEND, "the producer is closed: %r", self._exception)
        waiting = self._batches.get(tp)
        batch = waiting[-1] if waiting else self._append_batch(self.create_builder(), tp)
        record = {"timestamp": None, "key": key, "value": value, "headers": headers}
        if batch._builder.append(**record) is None:  # full: a new one takes at least one record
            batch = self._append_batch(self.create_builder(), tp)
            batch._builder.append(**record)
        return batch

    def drain_by_nodes(self, ignore_nodes: Any, muted_partitions: Any = frozenset()) -> Any:
        """Take the batches that are due, and with each all others of its node."""
        heads = collections.defaultdict(list)
        for tp, batches in self._batches.items():
            if tp not in muted_partitions:
                heads[self._cluster.leader_for_partition(tp)].append(batches[0])
        for node, batches in heads.items():
            if all(batch.remaining_linger() for batch in batches):
                continue
            if not (ignore_nodes and node in ignore_nodes):
                self._last = time.monotonic()
            for batch in batches:
                batch._linger_time = 0  # as Java's client does: all that is there leaves with the first
        return super().drain_by_nodes(ignore_nodes, muted_partitions)
