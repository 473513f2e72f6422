"""The consumer's own thread: aiokafka's consumer, and what the engine asks of it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import faust.transport.drivers.aiokafka as driver
from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.engine.batch import Record
from streams.engine.client import Client
from streams.engine.lease import Lease
from streams.engine.member import Member, PacedFetcher


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # untyped upstream
    """Faust's thread with positions that are always known. Methods starting with `_` run in the thread."""

    lease: Lease
    fetch_pace: float

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._client.__class__ = Client  # aiokafka builds it itself
        consumer._client.lease = self.lease
        return consumer

    async def on_start(self) -> None:
        """Start aiokafka's consumer and replace its parts by ours."""
        await super().on_start()
        self._consumer._coordinator.__class__ = Member
        fetcher = self._consumer._fetcher
        fetcher.__class__ = PacedFetcher
        fetcher.pace = self.fetch_pace
        fetcher.rebalancing = lambda: self.app.rebalancing

    async def seek_sources(self) -> dict[TP, tuple[int, int | None]]:
        """Move every source partition to its commit, or to its beginning where it has none.

        Closes: a fetch that a rebalance overtook has moved a partition on, and Faust moves back only those
        that have a commit.

        Returns:
            Position and commit of each source partition that is ours.
        """
        found: dict[TP, tuple[int, int | None]] = await self.call_thread(self._seek_sources)
        return found

    async def _seek_sources(self) -> dict[TP, tuple[int, int | None]]:
        consumer = self._ensure_consumer()
        tps = [tp for tp in consumer.assignment() if not self.consumer._is_changelog_tp(tp)]
        commits = dict(zip(tps, await asyncio.gather(*map(consumer.committed, tps)), strict=True))
        unknown = [tp for tp in tps if commits[tp] is None]
        begins = await consumer.beginning_offsets(unknown) if unknown else {}
        positions = {tp: begins[tp] if tp in begins else commits[tp] for tp in tps}
        still = consumer.assignment()
        for tp in still & positions.keys():
            consumer.seek(tp, positions[tp])
        return {TP(*tp): (positions[tp], commits[tp]) for tp in still & positions.keys()}

    async def give_back(self, records: Mapping[TP, Sequence[Record]]) -> None:
        """Move back over records that were fetched but cannot be taken now.

        Closes: the fetch has moved the position past them, changelog records alike.
        """
        await self.call_thread(
            self._give_back, [(tp, r[0].offset, r[-1].offset + 1) for tp, r in records.items()]
        )

    async def _give_back(self, ranges: Iterable[tuple[TopicPartition, int, int]]) -> None:
        consumer = self._ensure_consumer()
        for tp, first, after in ranges:
            if tp in consumer.assignment() and await consumer.position(tp) == after:
                consumer.seek(tp, first)

    def last_ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The ends of these partitions as the last fetches have said them; not of those without one.

        Reads what the consumer's thread writes: numbers, each whole.
        """
        consumer = self._consumer
        ours = set() if consumer is None else consumer.assignment()
        found = {
            TP(*tp): consumer.highwater(TopicPartition(*tp)) for tp in tps if TopicPartition(*tp) in ours
        }
        return {tp: end for tp, end in found.items() if end is not None}

    def mirror(self, tps: Iterable[TP], *, paused: bool) -> None:
        """Pause or resume in aiokafka as well.

        Faust pauses on its own side only. aiokafka would go on fetching the changelogs that we write, and
        with them unread it waits 100 ms before it asks that node again.
        """
        if self._consumer is not None:
            self.thread_loop.call_soon_threadsafe(self._mirror, [TopicPartition(*tp) for tp in tps], paused)

    def _mirror(self, tps: Iterable[TopicPartition], paused: bool) -> None:
        consumer = self._consumer
        for tp in consumer.assignment().intersection(tps):
            (consumer.pause if paused else consumer.resume)(tp)

    async def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """How many partitions each topic has; 0 where it is missing."""
        counts: dict[str, int] = await self.call_thread(self._partition_counts, list(topics))
        return counts

    async def _partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        cluster = await self._ensure_consumer()._client.fetch_all_metadata()
        return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
