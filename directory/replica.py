"""A replica of the directory in memory: reads `sms.directory.v1` wholly, then follows it."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from broker import clients
from broker.patience import end_refused
from broker.refusal import denied
from directory import metrics
from directory.snapshot import Directory, Refused
from schemas import topics
from schemas.base import DecodeError, decode_with
from schemas.directory import Entry, identity
from schemas.exits import Exit
from schemas.settings import KafkaSettings

_LOG: Final = logging.getLogger(__name__)
_PARTITION: Final = TopicPartition(topics.DIRECTORY, 0)
_POLL_MS: Final = 1000


def end_process(error: BaseException) -> None:
    """Leave at once: who goes on with a directory that stands still sends for those who may no longer.

    The supervisor starts the process again.
    """
    if why := denied(error):
        end_refused(why)
    _LOG.critical("directory.died error=%r: this process ends", error)
    os._exit(Exit.DIRECTORY)


async def snapshot(kafka: KafkaSettings) -> Directory:
    """The directory as it stands now; its own topic must be there.

    Raises:
        KafkaError: the broker or the topic cannot be reached.
    """
    async with Replica(kafka, died=lambda _error: None) as replica:
        return replica.directory


class Replica:
    """Follows the directory, within a block or from `start` to `stop`. Ready when `start` has returned.

    Args:
        kafka: where the topic is.
        died: called once if reading dies; the default ends the process with `Exit.DIRECTORY`.
    """

    def __init__(self, kafka: KafkaSettings, *, died: Callable[[BaseException], None] = end_process) -> None:
        self._kafka = kafka
        self._died = died
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()
        self._position = 0
        self._failure: BaseException | None = None
        #: The newest snapshot.
        self.directory = Directory()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return once caught up with the end of the topic as it is now.

        Raises:
            KafkaError: the broker or the topic cannot be reached.
        """
        consumer = clients.reader(self._kafka)
        try:
            await consumer.start()
            consumer.assign([_PARTITION])
            end = (await consumer.end_offsets([_PARTITION]))[_PARTITION]
            while await consumer.position(_PARTITION) < end:
                await self._step(consumer)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        self._task = asyncio.create_task(self._follow(consumer), name="directory-replica")

    async def stop(self) -> None:
        """Stop following; the snapshot stays."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._consumer is not None:
            await self._consumer.stop()

    def failure(self) -> BaseException | None:
        """Why reading died, where `died` let the process live."""
        return self._failure

    async def reached(self, offset: int) -> Directory:
        """The first snapshot that knows the record at `offset`."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._position > offset)
            return self.directory

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        try:
            while True:
                await self._step(consumer)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  whatever it was, a standing directory must not be used
            self._failure = error
            self._died(error)

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        found = await consumer.getmany(_PARTITION, timeout_ms=_POLL_MS)
        records = found.get(_PARTITION, ())
        if records:
            self.directory, refused = self.directory.after([read(record) for record in records])
            for one in refused:
                metrics.REFUSED.inc()
                _LOG.warning("directory.refused kind=%s id=%s: %s", *one.key, one.why)
            metrics.ENTITIES.set(len(self.directory.live))
        position = await consumer.position(_PARTITION)
        if position != self._position:
            async with self._moved:
                self._position = position
                self._moved.notify_all()


def read(record: ConsumerRecord) -> Entry | Refused:
    """The entry in a record of the topic, or why it cannot be one."""
    try:
        # Files that people write may hold no unknown fields; records of a newer release may.
        entry: Entry = decode_with(_Lenient, record.value)
    except DecodeError as error:
        return Refused(_key(record.key), str(error))
    if record.key != entry.key:
        return Refused(_key(record.key), f"its key is not that of {entry.kind} {entry.id}")
    entity = entry.entity
    if entity is not None and (*identity(entity), entity.organization) != (
        entry.kind,
        entry.id,
        entry.organization,
    ):
        return Refused(_key(record.key), "its entity has another kind, id or organization than itself")
    return entry


class _Lenient:
    """The validator of `Entry`, with unknown fields ignored at every depth."""

    @staticmethod
    def validate_json(value: bytes) -> object:
        return Entry.__pydantic_validator__.validate_json(value, extra="ignore")


def _key(key: bytes | None) -> tuple[str, str]:
    kind, _, name = (key or b"").decode(errors="replace").partition(":")
    return kind, name
