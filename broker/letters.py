"""Reads dead-letter topics: the letters, and what was done about each (docs/dead-letters.md)."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import for_code

from broker import clients
from schemas import dead_letters, topics
from schemas.base import DecodeError
from schemas.replays import MARK, REPLAYED, Mark, Origin
from schemas.settings import KafkaSettings

_POLL_MS: Final = 500
_BATCH: Final = 500


class Place(NamedTuple):
    """Where a letter lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Letter:
    """A dead letter: the record as it came, and what our headers say of it."""

    place: Place
    #: When it was put here, milliseconds since the epoch.
    at: int
    reason: str
    #: None: whoever put it here did not say.
    origin: Origin | None
    #: Whose it is, and which message it is about, where that can be known.
    organization: str | None
    message_id: str | None
    key: bytes | None
    #: In bytes; None where the record had no value.
    size: int | None
    #: None where the record had none, and in a letter that is `slim`.
    value: bytes | None
    #: The record's own; in a letter that is `slim`, those that replays have given it.
    headers: tuple[tuple[str, bytes | None], ...]

    def slim(self) -> "Letter":
        """The letter without what may be large: for those who look at many."""
        kept = tuple(header for header in self.headers if header[0] == REPLAYED)
        return replace(self, value=None, headers=kept)


@dataclass(frozen=True)
class Noted:
    """What was done about the letter at `place`."""

    place: Place
    mark: Mark


def parsed(value: bytes | None) -> Any:
    """The JSON in `value`; None where it is none that can be read."""
    try:
        return json.loads(value or b"null")
    except (ValueError, RecursionError):
        return None


def read(record: ConsumerRecord) -> Letter | Noted | None:
    """What a record of a dead-letter topic is; None for a mark that cannot be read.

    A letter has a header of ours for its origin, after all that a stranger may have written. So nobody makes
    a mark of a record that became a dead letter.
    """
    said = dead_letters.said(record.headers)
    if said is None and MARK in dict(record.headers):
        try:
            mark = Mark.decode(record.value)
        except DecodeError:
            return None
        return Noted(Place(record.topic, record.partition, mark.offset), mark)
    origin = None if said is None else said.origin
    value = None if said is not None and said.null and not record.value else record.value
    fields = _fields(value)
    return Letter(
        place=Place(record.topic, record.partition, record.offset),
        at=record.timestamp,
        reason="(nobody said why)" if said is None else said.reason,
        origin=origin,
        organization=(origin and topics.organization_of(origin.topic)) or fields.get("organization"),
        message_id=fields.get("message_id"),
        key=record.key,
        size=None if value is None else len(value),
        value=value,
        headers=dead_letters.own_headers(record.headers),
    )


def _fields(value: bytes | None) -> dict[str, str]:
    """The texts in a JSON object."""
    found = parsed(value)
    members = found.items() if isinstance(found, dict) else ()
    return {name: text for name, text in members if isinstance(text, str)}


async def scan(
    kafka: KafkaSettings, names: Collection[str], read_so_far: Callable[[int, int], None]
) -> AsyncIterator[Letter | Noted]:
    """All that lies on dead-letter topics now, marks of a partition after the letters that they are about.

    Args:
        kafka: where.
        names: of the topics.
        read_so_far: told how many records of how many were read.

    Raises:
        KafkaError: the broker does not answer, or a topic is missing.
    """
    async with clients.reader(kafka) as consumer:
        partitions = await _partitions(kafka, names)
        starts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        total, done = sum(ends[tp] - starts[tp] for tp in partitions), 0
        async for record in _records(consumer, starts, ends):
            done += 1
            read_so_far(done, total)
            if (found := read(record)) is not None:
                yield found


async def fetch(kafka: KafkaSettings, places: Collection[Place]) -> AsyncIterator[Letter]:
    """The letters at `places`, by partition and offset; those that are not there any more are left out.

    Raises:
        KafkaError: the broker does not answer, or a topic is missing.
    """
    wanted: dict[TopicPartition, set[int]] = {}
    for place in places:
        wanted.setdefault(TopicPartition(place.topic, place.partition), set()).add(place.offset)
    async with clients.reader(kafka) as consumer:
        known = set(await _partitions(kafka, {tp.topic for tp in wanted}))
        wanted = {tp: offsets for tp, offsets in wanted.items() if tp in known}
        starts = await consumer.beginning_offsets(list(wanted))
        ends = await consumer.end_offsets(list(wanted))
        first = {tp: max(starts[tp], min(offsets)) for tp, offsets in wanted.items()}
        last = {tp: min(ends[tp], max(offsets) + 1) for tp, offsets in wanted.items()}
        async for record in _records(consumer, first, last):
            if record.offset in wanted[TopicPartition(record.topic, record.partition)]:
                found = read(record)
                if isinstance(found, Letter):
                    yield found


async def _partitions(kafka: KafkaSettings, names: Collection[str]) -> list[TopicPartition]:
    async with clients.admin(kafka) as admin:
        described = await admin.describe_topics(sorted(names)) if names else []
    for topic in described:
        if topic["error_code"]:
            raise for_code(topic["error_code"])(topic["topic"])
    return [
        TopicPartition(topic["topic"], one["partition"]) for topic in described for one in topic["partitions"]
    ]


async def _records(
    consumer: AIOKafkaConsumer,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> AsyncIterator[ConsumerRecord]:
    """The records from `starts` up to `ends`, in the order of each partition."""
    left = sorted(tp for tp in starts if starts[tp] < ends[tp])
    consumer.assign(left)
    for tp in left:
        consumer.seek(tp, starts[tp])
    while left:
        batches = await consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=_BATCH)
        for tp, records in batches.items():
            for record in records:
                if record.offset < ends[tp]:
                    yield record
        left = [tp for tp in left if await consumer.position(tp) < ends[tp]]
