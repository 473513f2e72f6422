"""How far a member of a group is behind, and since when it has not moved: for `/metrics`."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from broker.metrics import COMMIT_AGE, LAG

LOOK_SECONDS: Final = 5.0

Partition = tuple[str, int]


class Stand(NamedTuple):
    """Where a partition is: the group's commit (None: nothing yet), and its end; both the next offset."""

    committed: int | None
    end: int


class Behind(NamedTuple):
    """Of a topic: records beyond the commits, and seconds since the one that stands longest has moved."""

    records: int
    seconds: float


class Progress:
    """A group's member: remembers when each partition's commit has last moved, or had nothing before it."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._moved: dict[Partition, tuple[int | None, float]] = {}
        self._shown: Mapping[str, Behind] = {}

    def show(self, stands: Mapping[Partition, Stand], now: float) -> None:
        """`look`, and set the metrics to it; topics that are no longer ours say 0, not what was."""
        found = self.look(stands, now)
        for topic, behind in {**dict.fromkeys(self._shown, Behind(0, 0)), **found}.items():
            LAG.labels(self._group, topic).set(behind.records)
            COMMIT_AGE.labels(self._group, topic).set(behind.seconds)
        self._shown = found

    def look(self, stands: Mapping[Partition, Stand], now: float) -> dict[str, Behind]:
        """By topic; `now` in seconds of a clock that never goes back. Forgets what is not in `stands`."""
        moved: dict[Partition, tuple[int | None, float]] = {}
        found: defaultdict[str, list[Behind]] = defaultdict(list)
        for partition, stand in stands.items():
            before = self._moved.get(partition)
            records = max(0, stand.end - (stand.committed or 0))
            stood = before is not None and before[0] == stand.committed and records > 0
            moved[partition] = before if stood and before is not None else (stand.committed, now)
            found[partition[0]].append(Behind(records, now - moved[partition][1]))
        self._moved = moved
        return {
            topic: Behind(sum(one.records for one in each), max(one.seconds for one in each))
            for topic, each in found.items()
        }


@asynccontextmanager
async def following(consumer: AIOKafkaConsumer, group: str) -> AsyncIterator[None]:
    """Look at `consumer`, a member of `group`, every `LOOK_SECONDS` within the block."""
    task = asyncio.create_task(_follow(consumer, group), name="progress")
    try:
        yield
    finally:
        task.cancel()


async def _follow(consumer: AIOKafkaConsumer, group: str) -> None:
    progress = Progress(group)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            progress.show(await _stands(consumer), monotonic())
        except (KafkaError, OSError):
            continue  # whoever reads says so


async def _stands(consumer: AIOKafkaConsumer) -> dict[Partition, Stand]:
    """Of our partitions; not of those that nothing has been fetched from yet: their ends are not known."""
    stands: dict[Partition, Stand] = {}
    for partition in consumer.assignment():
        end = _end(consumer, partition)
        if end is not None:
            committed = await consumer.committed(partition)
            stands[partition.topic, partition.partition] = Stand(committed, end)
    return stands


def _end(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    if partition not in consumer.assignment():
        return None  # given up while the one before was asked for
    try:
        end: int | None = consumer.highwater(partition)
    except IllegalStateError:
        return None
    return end
