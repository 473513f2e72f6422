"""The epoch: whether the ledger may be believed, and how it is rebuilt from Kafka when not (docs/ledger.md).

A rebuild locks, reads all opt-outs and a whole lifetime of facts and intents up to where they ended after the
lock was taken, writes claims under keys of an epoch to come, has every `ambiguous` acknowledged, and
publishes the epoch by one compare-and-set. One that is overtaken (its lock has expired, the server is
another, or was wiped again) publishes nothing; what it wrote expires, or is swept by the next.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from broker import clients
from broker.publish import Outgoing, Publish
from ledger import days, metrics
from ledger.claims import Absent
from ledger.errors import FencedError, LedgerUnavailableError
from ledger.gathering import Gathering
from ledger.history import History, ambiguous_facts, cancelled_facts
from ledger.ledger import Ledger
from ledger.lock import Lock
from schemas import topics
from schemas.base import Millis
from schemas.facts import Closed as ClosedFact
from schemas.failpoints import Point, reached
from schemas.settings import KafkaSettings

log = logging.getLogger(__name__)

#: A rebuild that says nothing to the server for this long has lost its lock.
LOCK_MS = 30_000
_PAUSE_SECONDS = 0.5
_POLL_MS = 1_000
_BATCH = 1_000
_TELL_EVERY = 100_000


async def ensure_epoch(
    ledger: Ledger,
    kafka: KafkaSettings,
    publish: Publish,
    now: Callable[[], Millis],
    day_zone: str,
) -> bool:
    """Return when the ledger has a valid epoch: at once if it has one, else rebuild it or wait for who does.

    True if this call has rebuilt it. Servers that do not answer are asked again until they do. The days of
    day caps begin as clocks in `day_zone` say.

    Raises:
        UnreadableIntentsError: see there; nothing may be handed over before somebody has looked.
    """
    told = ""
    while True:
        try:
            lock = await Lock.acquire(ledger.server, LOCK_MS)
            if lock == "valid":
                return False
            if isinstance(lock, Lock):
                began = monotonic()
                honoured = await _rebuild(lock, kafka, publish, now, day_zone)
                metrics.REBUILDS.labels("published").inc()
                metrics.REBUILD_SECONDS.set(monotonic() - began)
                # These may take a while, and hand-overs need not wait for them.
                ledger.tend(lock.sweep())
                ledger.tend(_say(honoured, publish))
                return True
        except FencedError as e:
            log.warning("ledger.rebuild abandoned: %s", e)
        except (LedgerUnavailableError, KafkaError) as e:
            if told != (told := repr(e)):
                log.warning("ledger.rebuild %s: trying again until it succeeds", told)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _rebuild(
    lock: Lock, kafka: KafkaSettings, publish: Publish, now: Callable[[], Millis], day_zone: str
) -> list[ClosedFact]:
    """Publish the epoch; the cancels that it honours, which are to be said now."""
    log.warning("ledger.rebuild began epoch=%s", lock.token)
    reached(Point.REBUILD_LOCKED)
    try:
        found = Gathering(lock, now(), days.day(day_zone, now()))
        await _gather(kafka, found)
        unknown = await _finish(lock, found.histories, publish, now())
        await lock.count(found.recount.segments, found.recount.today)
        reached(Point.REBUILD_WRITTEN)
        await lock.publish()
        reached(Point.REBUILD_PUBLISHED)
    except BaseException:
        metrics.REBUILDS.labels("abandoned").inc()
        await _release(lock)
        raise
    log.warning(
        "ledger.rebuild published epoch=%s settled=%d others=%d unknown=%d unreadable=%d",
        lock.token, found.settled, len(found.histories), unknown, found.unreadable,
    )  # fmt: skip
    return [fact for history in found.histories.values() for fact in cancelled_facts(history, now())]


async def _gather(kafka: KafkaSettings, found: Gathering) -> None:
    consumer = clients.reader(kafka)
    consumer.subscribe([topics.OPTOUTS, topics.EVENTS, topics.INTENTS])
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        await _read(consumer, ends, topics.OPTOUTS, found.optouts)
        # Facts first: most messages are settled by one, and their intents need not be kept at all.
        await _read(consumer, ends, topics.EVENTS, found.facts)
        await _read(consumer, ends, topics.INTENTS, found.intents)
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer,
    ends: Mapping[TopicPartition, int],
    topic: str,
    take: Callable[[Sequence[ConsumerRecord]], Awaitable[None]],
) -> None:
    """Hand over `topic` up to `ends`, batch by batch."""
    partitions = [partition for partition in ends if partition.topic == topic]
    others = [partition for partition in ends if partition.topic != topic]
    consumer.pause(*others)
    consumer.resume(*partitions)
    read, told = 0, 0
    while behind := [p for p in partitions if await consumer.position(p) < ends[p]]:
        batches = await consumer.getmany(*behind, timeout_ms=_POLL_MS, max_records=_BATCH)
        records = [r for p, batch in batches.items() for r in batch if r.offset < ends[p]]
        await take(records)
        read += len(records)
        if read - told >= _TELL_EVERY:
            told = read
            log.info("ledger.rebuild topic=%s read=%d", topic, read)


async def _finish(lock: Lock, histories: Mapping[str, History], publish: Publish, now: Millis) -> int:
    """Write the claims that are left, have every `ambiguous` acknowledged; how many of them were new."""
    unknown = 0
    for ids in _chunks(list(histories), _BATCH):
        claims = {id_: histories[id_].claim for id_ in ids}
        await lock.write(
            (id_, claim, histories[id_].forget_at)
            for id_, claim in claims.items()
            if not isinstance(claim, Absent)
        )
        facts = [fact for id_ in ids for fact in ambiguous_facts(histories[id_], now)]
        await publish([Outgoing(topics.EVENTS, fact.message_id.encode(), fact.encode()) for fact in facts])
        unknown += len(facts)
    return unknown


async def _say(facts: Sequence[ClosedFact], publish: Publish) -> None:
    """Have them acknowledged. If that fails, the messages' tasks say it when they come."""
    await publish([Outgoing(topics.EVENTS, fact.message_id.encode(), fact.encode()) for fact in facts])


def _chunks(ids: list[str], size: int) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


async def _release(lock: Lock) -> None:
    try:
        await lock.release()
    except LedgerUnavailableError as e:
        log.info("ledger.rebuild: the lock is left to expire: %s", e)
