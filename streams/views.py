"""Writes the ledger's view of every message from `sms.status.v1`, and writes it anew when the ledger lost it.

Rows carry the sequence of their transition and the ledger takes only a higher one, so records may be read
again, by whomever, as often as it takes. A partition that the ledger has lost is read again, from a lifetime
ago on, and is whole once all that was accepted by then is told and written (docs/streams.md).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError

from broker.stall import Pulse
from ledger.errors import LedgerUnavailableError
from schemas import topics
from schemas.base import DecodeError
from schemas.failpoints import Point, reached
from schemas.public import StatusRecord
from streams import metrics

log = logging.getLogger(__name__)
_T = TypeVar("_T")

BATCH: Final = 500
#: At most one fetch in this time: what costs is rounds, not records (docs/architecture.md).
_PACE_SECONDS: Final = 0.02
_IDLE_MS: Final = 1000
#: How often the ledger is asked whether it still has everything, and what is written is committed.
_CHECK_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = (0.1, 5.0)


class View(Protocol):
    """What is asked of the ledger; each call raises `LedgerUnavailableError` when it cannot answer."""

    async def put(self, rows: Sequence[StatusRecord]) -> None: ...  # noqa: D102  # see ledger.Ledger
    async def stick(self, rows: Sequence[StatusRecord], now: int, /) -> None: ...  # noqa: D102  # likewise
    async def note_landlines(self, rows: Sequence[StatusRecord], now: int) -> None: ...  # noqa: D102  # likewise
    async def missing_partitions(self, partitions: Collection[int]) -> set[int]: ...  # noqa: D102  # likewise
    async def begin_partition(self, partition: int) -> str: ...  # noqa: D102  # likewise
    async def mark_whole(self, partition: int, token: str, partitions: int) -> bool: ...  # noqa: D102  # likewise


class Arriving(Protocol):
    """See `streams.arrival.Arrival`."""

    async def complete(self) -> bool: ...  # noqa: D102  # see there


@dataclass(frozen=True, slots=True)
class Rereading:
    """A partition that is being written anew, up to the end that it had when all had arrived in it."""

    token: str
    arrival: Arriving
    #: None while what was on its way is awaited.
    end: int | None = None


def newest(records: Iterable[ConsumerRecord], now: int) -> list[StatusRecord]:
    """The last transition of each message in `records`, without those that are forgotten at `now`."""
    rows: dict[str, StatusRecord] = {}
    for record in records:
        try:
            row = StatusRecord.decode(record.value)
        except DecodeError as e:
            # Only the fold writes here. There is nobody to hand it back to, and the next row has it all.
            metrics.STATUS_UNREADABLE.inc()
            log.warning("views.unreadable partition=%d offset=%d: %s", record.partition, record.offset, e)
            continue
        known = rows.get(row.message_id)
        if row.forget_at > now and (known is None or known.sequence <= row.sequence):
            rows[row.message_id] = row
    return list(rows.values())


class Views(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped upstream
    """Keeps the view in step with the partitions of `sms.status.v1` that `consumer` is given.

    Args:
        consumer: a group's member that commits nothing by itself; not subscribed yet.
        view: the ledger.
        arrival: makes one that speaks of what is on its way now.
        partitions: how many `sms.status.v1` has.
        lifetime_ms: what was told longer ago than this is of messages that are forgotten.
        now: the wall clock, in milliseconds.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        view: View,
        *,
        arrival: Callable[[], Arriving],
        partitions: int,
        lifetime_ms: int,
        now: Callable[[], int],
    ) -> None:
        self._consumer = consumer
        self._view = view
        self._arrival = arrival
        self._partitions = partitions
        self._lifetime_ms = lifetime_ms
        self._assignments = 0
        self._now = now
        self._rereading: dict[TopicPartition, Rereading] = {}
        #: What is written, and not committed yet.
        self._written: dict[TopicPartition, int] = {}
        self._check_at = 0.0
        #: Beat while it reads, and while it is not a member of its group.
        self.pulses = self._reading_on, self._joining = Pulse("reading status"), Pulse("joining the group")

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe([topics.STATUS], listener=self)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Commit. Whoever owns a partition next finds out whether it is missing, and begins anew."""
        del revoked  # eager rebalances take all
        self._joining.beat()
        self._assignments += 1
        await self._commit()
        self._rereading.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Ask at once whether the ledger has them."""
        del assigned
        self._joining.rest()
        self._check_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. What is being written then is written again by whoever comes next."""
        reading = asyncio.create_task(self._read())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await reading
            await self._commit()
        finally:
            reading.cancel()
            stopping.cancel()

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while True:
                self._reading_on.beat()
                if clock() >= self._check_at:
                    self._check_at = clock() + _CHECK_SECONDS
                    await self._begin_missing()
                    await self._go_back()
                    await self._commit()
                found = await self._consumer.getmany(timeout_ms=_IDLE_MS, max_records=BATCH)
                if found:
                    await self._write(found)
                    await asyncio.sleep(_PACE_SECONDS)
        finally:
            self._reading_on.rest()

    async def _write(self, found: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        rows = newest((record for records in found.values() for record in records), self._now())
        if rows:
            await self._patiently(lambda: self._view.put(rows))
            await self._patiently(lambda: self._view.note_landlines(rows, self._now()))
            await self._patiently(lambda: self._view.stick(rows, self._now()))
            reached(Point.VIEWS_PUT)
            metrics.WRITTEN.inc(len(rows))
        for partition, records in found.items():
            offset = records[-1].offset + 1
            self._written[partition] = offset
            await self._end(partition, offset)

    async def _commit(self) -> None:
        """Not with every batch: a commit is a round, too. What it misses is read and written again."""
        assigned = self._consumer.assignment()
        done = {partition: offset for partition, offset in self._written.items() if partition in assigned}
        self._written.clear()
        if not done:
            return
        try:
            await self._consumer.commit(done)
        except (CommitFailedError, IllegalStateError) as e:
            log.info("views.uncommitted %s", e)  # another member has them now

    async def _begin_missing(self) -> None:
        """Begin anew what the ledger does not have."""
        assignment = self._assignments
        mine = {tp.partition: tp for tp in self._consumer.assignment()}
        missing = await self._patiently(lambda: self._view.missing_partitions(mine.keys()))
        fresh = {number: mine[number] for number in missing if mine[number] not in self._rereading}
        tokens = [await self._token(number) for number in fresh]
        if assignment != self._assignments:
            return  # given up meanwhile; whoever has them finds them missing
        # Only now: what is accepted after the ledger knows that it is being written anew is written at once.
        arrival = self._arrival()
        for partition, token in zip(fresh.values(), tokens, strict=True):
            self._rereading[partition] = Rereading(token, arrival)

    async def _token(self, partition: int) -> str:
        return await self._patiently(lambda: self._view.begin_partition(partition))

    async def _go_back(self) -> None:
        """In the partitions into which all has arrived that was on its way."""
        waiting = {partition: one for partition, one in self._rereading.items() if one.end is None}
        for arrival in {one.arrival for one in waiting.values()}:
            if await arrival.complete():
                for partition in [found for found, one in waiting.items() if one.arrival is arrival]:
                    await self._reread(partition, waiting[partition])

    async def _reread(self, partition: TopicPartition, rereading: Rereading) -> None:
        end = (await self._consumer.end_offsets([partition]))[partition]
        since = max(0, self._now() - self._lifetime_ms)
        found = (await self._consumer.offsets_for_times({partition: since}))[partition]
        if self._rereading.get(partition) is not rereading:
            return  # given up meanwhile; if it is back, it stands at its commit, and is still missing
        first = end if found is None else min(found.offset, end)
        self._consumer.seek(partition, first)
        self._rereading[partition] = replace(rereading, end=end)
        log.info("views.rereading partition=%d from=%d end=%d", partition.partition, first, end)
        await self._end(partition, first)

    async def _end(self, partition: TopicPartition, offset: int) -> None:
        """All before `offset` is written: the partition may be whole again."""
        rereading = self._rereading.get(partition)
        if rereading is None or rereading.end is None or offset < rereading.end:
            return
        number = partition.partition
        whole = await self._patiently(
            lambda: self._view.mark_whole(number, rereading.token, self._partitions)
        )
        if self._rereading.get(partition) is rereading:
            del self._rereading[partition]
        log.info("views.reread partition=%d whole=%s", number, whole)

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """The ledger's answer, however long it takes: without it there is nothing else to do."""
        wait, longest = _PATIENCE_SECONDS
        while True:
            try:
                return await ask()
            except LedgerUnavailableError as e:
                log.warning("views.waiting seconds=%.1f: %s", wait, e)
            self._reading_on.beat()
            await asyncio.sleep(wait)
            wait = min(wait * 2, longest)
