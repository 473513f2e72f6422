"""Follows `sms.optouts.v1` into the ledger, so that no wish is lost between the topic and the ledger.

Who writes a wish notes it as well, before anything is answered; what is read here has mostly been noted.
Noting knows offsets, so any order and repetition will do, also by a process that stood still. What the ledger
loses a rebuild reads again (docs/optouts.md).
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from ledger.errors import LedgerUnavailableError
from ledger.optouts import Noted, read
from schemas import topics
from streams import metrics

log = logging.getLogger(__name__)

_BATCH: Final = 500
_IDLE_MS: Final = 1000
_PAUSE_SECONDS: Final = 0.5


class Wishes(Protocol):
    """What is asked of the ledger."""

    async def note_optouts(self, noted: Sequence[Noted]) -> None: ...  # noqa: D102  # see ledger.Ledger


class Following:
    """Notes what `consumer`, a group's member that commits nothing by itself, is given of the topic."""

    def __init__(self, consumer: AIOKafkaConsumer, wishes: Wishes) -> None:
        self._consumer = consumer
        self._wishes = wishes

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe([topics.OPTOUTS])

    async def run(self) -> None:
        """For ever."""
        while True:
            found = await self._consumer.getmany(timeout_ms=_IDLE_MS, max_records=_BATCH)
            records = [record for batch in found.values() for record in batch]
            if records:
                await self._note(records)
                await self._commit({partition: batch[-1].offset + 1 for partition, batch in found.items()})

    async def _note(self, records: Sequence[ConsumerRecord]) -> None:
        """However long it takes: whoever may not be written to must be known."""
        noted = [one for record in records if (one := _read(record)) is not None]
        while True:
            try:
                await self._wishes.note_optouts(noted)
            except LedgerUnavailableError as e:
                log.warning("optouts.waiting: %s", e)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                metrics.NOTED.inc(len(noted))
                return

    async def _commit(self, done: dict[TopicPartition, int]) -> None:
        try:
            await self._consumer.commit(done)
        except (CommitFailedError, IllegalStateError) as e:
            log.info("optouts.uncommitted %s", e)  # another member has them now, and notes them again


def _read(record: ConsumerRecord) -> Noted | None:
    return read(record.key, record.value, record.offset, record.timestamp)
