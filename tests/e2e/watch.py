"""Follows `sms.status.v1` as a subscriber does: repeats dropped by id, each message's sequence kept."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from broker import clients
from schemas import topics
from schemas.settings import KafkaSettings

#: A broker that is well gives everything within this.
READ_SECONDS = 120.0
ENDED = {"delivered", "undelivered", "failed", "cancelled"}


@dataclass
class Story:
    """One message as its subscribers see it."""

    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: What a repeat said otherwise than the first time, which must never be.
    contradictions: list[str] = field(default_factory=list)

    def add(self, record: dict[str, Any]) -> None:
        known = self.records.setdefault(record["sequence"], record)
        if known is record:
            return
        if known != record:
            self.contradictions.append(f"{record['message_id']} sequence {record['sequence']} was told twice")

    @property
    def last(self) -> dict[str, Any]:
        return self.records[max(self.records)]

    @property
    def gapless(self) -> bool:
        return sorted(self.records) == list(range(1, len(self.records) + 1))


class Watch:
    """All stories so far, by `message_id`."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self.stories: dict[str, Story] = {}
        self.moved = asyncio.Event()

    async def follow(self) -> None:
        """For ever."""
        async for record in _records(self._kafka, [topics.STATUS]):
            self.stories.setdefault(record["message_id"], Story()).add(record)
            self.moved.set()

    def texts(self, *statuses: str) -> set[str]:
        """The texts of the messages that are in one of these states."""
        return {s.last["text"] for s in self.stories.values() if s.last["status"] in statuses}

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until `done`; False if that took longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self.moved.clear()
                    await self.moved.wait()
        except TimeoutError:
            return False
        return True


async def read_all(
    kafka: KafkaSettings, names: Iterable[str], *, raw: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Every record of some topics up to their ends as they are now, decoded from JSON.

    `raw`: without decoding, as `{"value": bytes}`.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    consumer = clients.reader(kafka)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(name, number)
            for name in found
            for number in sorted(consumer.partitions_for_topic(name) or await _partitions(consumer, name))
        ]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        left = {tp for tp in partitions if ends[tp] > 0}
        await consumer.seek_to_beginning(*partitions)
        until = time.monotonic() + READ_SECONDS
        while left:
            assert time.monotonic() < until, f"not read to their ends within {READ_SECONDS:g} s: {left}"
            for tp, records in (await consumer.getmany(*left, timeout_ms=500)).items():
                found[tp.topic] += [
                    {"value": r.value} if raw else json.loads(r.value) for r in records if r.offset < ends[tp]
                ]
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()
    return found


async def _partitions(consumer: Any, name: str) -> set[int]:
    cluster = await consumer._client.fetch_all_metadata()
    return set(cluster.partitions_for_topic(name) or ())


async def _records(kafka: KafkaSettings, names: list[str]) -> Any:
    consumer = clients.reader(kafka)
    await consumer.start()
    try:
        consumer.assign(
            [TopicPartition(name, n) for name in names for n in await _partitions(consumer, name)]
        )
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    yield json.loads(record.value)
    finally:
        await consumer.stop()
