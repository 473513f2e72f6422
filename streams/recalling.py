"""Gives the ledger back what it has lost of the recipients' memory, out of `sms.status.v1` (docs/routing.md).

Beside `views`, which writes down what is told from now on: order does not matter, for the newest send counts.
So this waits for nothing that is on its way, and `route`, which waits for it, cannot hold it up.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Literal, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from ledger.errors import LedgerAwayError
from ledger.sticky import STICKY_MS
from schemas import topics
from schemas.base import DecodeError
from schemas.public import StatusRecord
from streams import metrics

log = logging.getLogger(__name__)

_STICKY: Final = "sticky"
#: What is sent through a use case has one.
_USE_CASE: Final = b'"use_case_id":"'
_BATCH: Final = 500
_CHECK_SECONDS: Final = 1.0
_POLL_MS: Final = 500
#: Between batches: others want this processor, too.
_PACE_SECONDS: Final = 0.005


class Memory(Protocol):
    """What is asked of the ledger; each call raises `LedgerAwayError` when it cannot answer."""

    async def missing_partitions(  # noqa: D102  # see ledger.Ledger
        self, partitions: Collection[int], of: Literal["sticky"], /
    ) -> set[int]: ...
    async def begin_partition(self, partition: int, of: Literal["sticky"], /) -> str: ...  # noqa: D102  # likewise
    async def mark_whole(  # noqa: D102  # likewise
        self, partition: int, token: str, partitions: int, of: Literal["sticky"], /
    ) -> bool: ...
    async def stick(self, rows: Sequence[StatusRecord], now: int, /) -> None: ...  # noqa: D102  # likewise


class Recalling:
    """Reads again the partitions whose memory is missing.

    Args:
        memory: the ledger.
        reader: a started consumer without a group, for this alone.
        ours: the partitions of `sms.status.v1` that are this process' to look after, as of now.
        partitions: how many there are.
        now: the wall clock, in milliseconds.
    """

    def __init__(
        self,
        memory: Memory,
        reader: AIOKafkaConsumer,
        *,
        ours: Callable[[], Collection[int]],
        partitions: int,
        now: Callable[[], int],
    ) -> None:
        self._memory = memory
        self._reader = reader
        self._ours = ours
        self._partitions = partitions
        self._now = now

    async def run(self) -> None:
        """For ever; what was begun when the ledger or the broker went away is begun anew."""
        while True:
            try:
                for partition in sorted(await self._memory.missing_partitions(self._ours(), _STICKY)):
                    await self._recall(partition)
            except (LedgerAwayError, KafkaError) as e:
                log.warning("recalling.waiting: %r", e)
            await asyncio.sleep(_CHECK_SECONDS)

    async def _recall(self, partition: int) -> None:
        token = await self._memory.begin_partition(partition, _STICKY)
        tp = TopicPartition(topics.STATUS, partition)
        # Only now: what is told after the ledger knows of this is written by the views.
        end = (await self._reader.end_offsets([tp]))[tp]
        found = (await self._reader.offsets_for_times({tp: self._now() - STICKY_MS}))[tp]
        first = end if found is None else found.offset
        log.info("recalling.began partition=%d from=%d end=%d", partition, first, end)
        await self._read(tp, first, end)
        whole = await self._memory.mark_whole(partition, token, self._partitions, _STICKY)
        log.info("recalling.ended partition=%d whole=%s", partition, whole)

    async def _read(self, tp: TopicPartition, first: int, end: int) -> None:
        self._reader.assign([tp])
        self._reader.seek(tp, first)
        while await self._reader.position(tp) < end:
            records = (await self._reader.getmany(tp, timeout_ms=_POLL_MS, max_records=_BATCH)).get(tp, ())
            rows = list(of_use_cases(records))
            metrics.RECALLED.inc(len(rows))
            await self._memory.stick(rows, self._now())
            await asyncio.sleep(_PACE_SECONDS)


def of_use_cases(records: Iterable[ConsumerRecord]) -> Iterable[StatusRecord]:
    """What `records` tell of messages of use cases; what cannot be read is passed over, as the views do."""
    for record in records:
        if record.value is None or _USE_CASE not in record.value:
            continue
        try:
            yield StatusRecord.decode(record.value)
        except DecodeError as e:
            log.warning("recalling.unreadable partition=%d offset=%d: %s", record.partition, record.offset, e)
