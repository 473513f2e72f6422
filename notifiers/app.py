"""The service as a process: clients, and the loops; up until SIGTERM or SIGINT."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from broker import clients, health
from broker.progress import following
from broker.publish import publisher
from broker.stall import ended_when_still
from broker.stopping import when_told
from broker.topics import verify
from directory import apply as directories
from directory.changes import Change
from directory.replica import Replica
from ledger import Ledger
from ledger.subscriptions import Failing
from notifiers.failures import Failures
from notifiers.outbox import Outbox
from notifiers.posting import Poster
from notifiers.reader import SOURCES, Reader
from notifiers.switching import Switching
from notifiers.teller import Teller
from schemas import topics
from schemas.base import Millis
from schemas.settings import Settings

_LOG: Final = logging.getLogger(__name__)
#: For what is left to do after the last answers: their records, the commit, the clients' ends.
_MARGIN_SECONDS: Final = 9.0


async def serve(settings: Settings) -> None:
    """Tell subscriptions until told to stop; then finish the tries under way.

    Raises:
        TopicsDifferError: a topic is missing or set up otherwise.
        KafkaError: the broker cannot be reached at the start, or refuses records of ours.
    """
    letters = [topics.dead_letters(topic) for topic in SOURCES]
    await verify(
        settings.kafka,
        settings.topics,
        [*SOURCES, *letters, *topics.WAITING.values(), topics.DIRECTORY],
    )
    stop = asyncio.Event()
    when_told(stop.set, settings.notifiers.drain_seconds + _MARGIN_SECONDS)
    async with AsyncExitStack() as stack:
        work = await _start(settings, stack)
        if settings.ready_file is not None:
            settings.ready_file.touch()
        _LOG.info("notifiers.ready")
        await work.run(stop)
    _LOG.info("notifiers.stopped")


class _Work:
    """The loops of the service."""

    def __init__(
        self, reader: Reader, teller: Teller, outbox: Outbox, failures: Failures, drain_seconds: float
    ) -> None:
        self._reader = reader
        self._teller = teller
        self._outbox = outbox
        self._failures = failures
        self._drain_seconds = drain_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, and what is under way then is finished."""
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(one)
                for one in (self._teller.run(), self._outbox.run(), self._failures.run())
            ]
            await self._reader.run(stop)
            try:
                async with asyncio.timeout(self._drain_seconds):
                    await self._teller.drain()
                    await self._outbox.emptied()
            except TimeoutError:
                _LOG.warning("notifiers.cut_off: what is under way is told again")
            await self._reader.commit()
            for task in beside:
                task.cancel()


async def _start(settings: Settings, stack: AsyncExitStack) -> _Work:
    """Connect everything; `stack` disconnects it."""
    own = settings.notifiers
    ledger = await stack.enter_async_context(Ledger(settings.redis))
    replica = await stack.enter_async_context(Replica(settings.kafka))
    producer = await stack.enter_async_context(clients.producer(settings.kafka, linger_ms=2))
    poster = await stack.enter_async_context(Poster(own))
    checks = {"broker": health.broker(producer)}
    await stack.enter_async_context(health.serving(own.host, own.port, checks))
    outbox = Outbox(publisher(producer))
    failures = Failures(
        Failing(ledger.server),
        outbox,
        directory=lambda: replica.directory,
        after_ms=round(own.switch_off_seconds * 1000),
        now=_now,
    )
    teller = Teller(
        own,
        poster.post,
        outbox,
        directory=lambda: replica.directory,
        noting=failures,
        roots=settings.subscriptions.secrets,
        now=_now,
        roll=random.random,
    )

    async def write(changes: Sequence[Change], now: Millis) -> None:
        await directories.write(producer, replica, changes, now)

    consumer = clients.group_consumer(settings.kafka, topics.NOTIFIERS_GROUP)
    reader = Reader(
        consumer,
        teller,
        outbox,
        Switching(lambda: replica.directory, write, now=_now),
        directory=lambda: replica.directory,
        commit_seconds=settings.kafka.commit_interval_seconds,
        now=_now,
    )
    reader.subscribe()
    await stack.enter_async_context(following(consumer, topics.NOTIFIERS_GROUP))
    await stack.enter_async_context(ended_when_still(settings.kafka, topics.NOTIFIERS_GROUP, *reader.pulses))
    await stack.enter_async_context(consumer)
    return _Work(reader, teller, outbox, failures, own.drain_seconds)


def _now() -> Millis:
    return time.time_ns() // 1_000_000
