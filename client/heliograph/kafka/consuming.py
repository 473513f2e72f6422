"""Statuses and inbound texts as typed records: each handed over once, committed when its reader is done."""

import inspect
import time
from typing import Any, ClassVar, Final, Generic, Literal, Self, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError
from pydantic import ValidationError

from heliograph.kafka.dead import DeadRecord, DeadRecordError, OnDead
from heliograph.kafka.places import Places, Revoked
from heliograph.kafka.seen import REMEMBERED, Seen
from heliograph.records import InboundRecord, StatusRecord

R = TypeVar("R", StatusRecord, InboundRecord)
_POLL_MS: Final = 500


class Stream(Generic[R]):
    """The records of one topic: `async for record in stream`, within `async with stream`.

    A record counts as done when the next one is asked for; what is done is committed within `commit_seconds`.
    So whoever stops amid a record (an exception, `break`, a kill) gets it again at the next start: at least
    once over restarts, and once in between, for repeats are recognised. `commit()` says at once that the
    record in hand is done. Entered again, a stream starts again.

    Args:
        bootstrap_servers: host:port, comma-separated.
        group: consumers of one group share the partitions, and go on where it was. None: all records from
            the first that the topic holds, at every start, and nothing is committed.
        start: where a group begins that has committed nothing; without a group, where each start begins.
        follow: False ends the iteration behind what lay on the topic at the start; only without a group.
        on_dead: called with each record that cannot be read, and then it is done. Without it such a record
            raises `DeadRecordError`.
        topic: its name, where a copy is read, such as one that an operator keeps for you.
        commit_seconds: how long what is done may wait for its commit.
        remembered: how many records and messages are recognised when they come again.
        options: of `AIOKafkaConsumer`: `security_protocol`, `ssl_context`, `sasl_mechanism` and others.
    """

    _name: ClassVar[str]
    _kind: type[R]

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        group: str | None,
        start: Literal["earliest", "latest"] = "earliest",
        follow: bool = True,
        on_dead: OnDead | None = None,
        topic: str | None = None,
        commit_seconds: float = 1.0,
        remembered: int = REMEMBERED,
        **options: Any,
    ) -> None:
        if group is not None and not follow:
            raise ValueError("follow=False reads a whole topic: it goes without a group")
        self._topic = self._name if topic is None else topic
        self._group = group
        self._on_dead = on_dead
        self._follow = follow
        self._every = commit_seconds
        self._remembered = remembered
        self._options = {
            "max_poll_interval_ms": 300_000,
            **options,
            "bootstrap_servers": bootstrap_servers,
            "group_id": group,
            "auto_offset_reset": start,
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
        }
        self._consumer: AIOKafkaConsumer | None = None
        self._seen = Seen(remembered)
        self._places = Places(None)
        self._committed = 0.0
        #: Where the partitions ended at the start, of those that have not been read so far yet.
        self._ends: dict[TopicPartition, int] = {}

    @property
    def caught_up(self) -> bool:
        """Without a group: whether all that lay on the topic at the start has been handed over."""
        return not self._ends

    async def __aenter__(self) -> Self:
        # aiokafka takes the loop that runs when it is made.
        consumer = AIOKafkaConsumer(**self._options)
        # What was in hand at the last exit comes again: no repeat, but asked for.
        self._seen = Seen(self._remembered)
        self._places = Places(None if self._group is None else consumer)
        consumer.subscribe([self._topic], listener=Revoked(self._places))
        try:
            await consumer.start()
            if self._group is None:
                await self._find_ends(consumer)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer, self._committed = consumer, time.monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                await self._places.commit()
            finally:
                await consumer.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        self._places.finish()
        while True:
            if time.monotonic() - self._committed >= self._every:
                await self._commit_done()
            if self.caught_up and not self._follow:
                raise StopAsyncIteration
            got = await self._next()
            if got is None:
                continue
            self._places.take(got)
            record = self._read(got)
            if isinstance(record, DeadRecord):
                await self._dead(record)
            elif self._seen.first(record):
                return record
            self._places.finish()

    async def commit(self) -> None:
        """The record in hand is done: commit it, and all before it, now."""
        self._places.finish()
        await self._commit_done()

    async def _commit_done(self) -> None:
        await self._places.commit()
        self._committed = time.monotonic()

    async def _next(self) -> ConsumerRecord | None:
        if self._consumer is None:
            raise RuntimeError("a stream is read within `async with`")
        # One by one: aiokafka has fetched many, and only records that were asked for can get too old.
        found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=1)
        for partition, (got,) in found.items():
            if got.offset + 1 >= self._ends.get(partition, got.offset + 2):
                del self._ends[partition]
            return got
        await self._unread(self._consumer)
        return None

    async def _find_ends(self, consumer: AIOKafkaConsumer) -> None:
        if not consumer.assignment():
            raise UnknownTopicOrPartitionError(self._topic)
        self._ends = await consumer.end_offsets(consumer.assignment())
        await self._unread(consumer)

    async def _unread(self, consumer: AIOKafkaConsumer) -> None:
        """What is empty, or ends with what nobody is shown, has been read to its end as well."""
        for partition, end in list(self._ends.items()):
            if await consumer.position(partition) >= end:
                del self._ends[partition]

    def _read(self, got: ConsumerRecord) -> R | DeadRecord:
        try:
            return self._kind.model_validate_json(b"" if got.value is None else got.value)
        except ValidationError as error:
            flaw = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in flaw["loc"]) or "the record"
            return DeadRecord(
                got.topic,
                got.partition,
                got.offset,
                got.key,
                got.value,
                got.headers,
                f"{where}: {flaw['msg']}",
            )

    async def _dead(self, record: DeadRecord) -> None:
        if self._on_dead is None:
            raise DeadRecordError(record)
        waiting = self._on_dead(record)
        if inspect.isawaitable(waiting):
            await waiting


class StatusStream(Stream[StatusRecord]):
    """Every transition of every message that you may read of, in order for each message: `sms.status.v1`."""

    _name = "sms.status.v1"
    _kind = StatusRecord


class InboundStream(Stream[InboundRecord]):
    """Every text that somebody sent to one of your numbers, in order for each handset: `sms.inbound.v1`."""

    _name = "sms.inbound.v1"
    _kind = InboundRecord
