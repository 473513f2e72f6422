"""The Kafka door: request topics in, `sms.messages.v1` out. Commits only what the broker has acknowledged."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from starlette.applications import Starlette

from broker import clients, health
from broker.progress import following
from broker.publish import Publish, publisher
from broker.stall import Joining, Pulse, ended_when_still, patiently
from broker.stopping import when_told
from broker.topics import examine, verify
from directory.replica import Replica
from directory.snapshot import Directory
from ingress import metrics
from ingress.ahead import Room
from ingress.binding import Binding
from ingress.recipients import Asking, reach
from ingress.requested import Judged, Read, Terms, judge, read
from ingress.server import Server
from ingress.sources import Sources
from ingress.turns import Turns
from ledger import Ledger
from schemas import topics
from schemas.failpoints import Point, reached
from schemas.settings import Settings

_LOG: Final = logging.getLogger(__name__)
#: How long a quiet loop waits for a record; also how soon it notices that it is to stop.
_WAIT_MS: Final = 250
_HOLD_MS: Final = 50


class Intake:
    """The loop: read in turns, judge, bind keys, produce, commit.

    A crash between produce and commit repeats records; their ids are the same, and route drops them.

    Args:
        consumer: subscribed to the request topics.
        publish: returns once all is acknowledged.
        directory: gives the newest snapshot.
        terms: what records are judged by.
        room: how many more records may go in.
        binding: tells the ledger of keys.
        asking: knows of recipients.
        now: the wall clock, epoch milliseconds.
        pulse: beats with each round.
        sources: what `consumer` is subscribed to.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        publish: Publish,
        directory: Callable[[], Directory],
        terms: Terms,
        *,
        room: Room,
        binding: Binding,
        asking: Asking,
        now: Callable[[], int],
        pulse: Pulse,
        sources: Sources,
    ) -> None:
        self._consumer = consumer
        self._publish = patiently(publish, pulse)
        self._directory = directory
        self._terms = terms
        self._room = room
        self._binding = binding
        self._asking = asking
        self._now = now
        self._pulse = pulse
        self._sources = sources
        self._turns = Turns(consumer)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set.

        Raises:
            KafkaError: the broker refuses our records. Nothing is committed that is not acknowledged; the
                supervisor starts the process again.
        """
        following = asyncio.create_task(self._sources.follow(), name="sources")
        try:
            while not stop.is_set():
                self._pulse.beat()
                self._sources.renew()
                await self._round()
            self._pulse.rest()
        finally:
            following.cancel()

    async def _round(self) -> None:
        room = await self._room.now()
        if room <= 0:
            await self._hold()
            return
        records = await self._turns.take(room, _WAIT_MS)
        if records:
            await self._let_in(records)

    async def _let_in(self, records: Sequence[ConsumerRecord]) -> None:
        judged = await self._judged(records)
        if used := [one.used for one in judged if one.used is not None]:
            await self._binding.bind(used)
        await self._publish([one.outgoing for one in judged])
        reached(Point.INTAKE_PRODUCED)
        self._room.took(len(judged))
        await self._commit(records)
        for fate, count in Counter(one.fate for one in judged).items():
            metrics.RECORDS.labels(fate).inc(count)

    async def _judged(self, records: Sequence[ConsumerRecord]) -> list[Judged]:
        directory = self._directory()
        found = [read(record, self._terms) for record in records]
        asks = [
            reach(one.request, one.organization, directory) if isinstance(one, Read) else None
            for one in found
        ]
        known = await self._asking.batch(asks)
        now = self._now()
        return [
            judge(one, directory, self._terms, now, recipient) if isinstance(one, Read) else one
            for one, recipient in zip(found, known, strict=True)
        ]

    async def _commit(self, records: Sequence[ConsumerRecord]) -> None:
        done = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
        held = self._consumer.assignment()
        try:
            await self._consumer.commit({tp: offset for tp, offset in done.items() if tp in held})
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions are another's by now, who reads these records again, to the same ids.
            _LOG.warning("commit.lost error=%r", error)

    async def _hold(self) -> None:
        """Wait for route."""
        metrics.WAITING.set(1)
        await self._turns.hold(_HOLD_MS)
        metrics.WAITING.set(0)


async def serve(settings: Settings) -> None:
    """Let requests in until told to stop.

    Raises:
        TopicsDifferError: a topic is missing or set up otherwise.
        KafkaError: see `Intake.run`.
    """
    needed = [topics.REQUESTS, topics.MESSAGES, topics.DIRECTORY, topics.dead_letters(topics.REQUESTS)]
    await verify(settings.kafka, settings.topics, needed)
    if settings.intake.owner is None and not settings.intake.trusted:
        _LOG.warning(
            "%s has no owner (HELIO_INTAKE__OWNER): its records become dead letters", topics.REQUESTS
        )
    stop = asyncio.Event()
    when_told(stop.set)
    async with AsyncExitStack() as stack:
        intake = await start(settings, stack)
        if settings.ready_file is not None:
            settings.ready_file.touch()
        _LOG.info("intake.ready")
        await intake.run(stop)


async def start(settings: Settings, stack: AsyncExitStack) -> Intake:
    """Connect everything that intake needs; `stack` disconnects it."""
    replica = await stack.enter_async_context(Replica(settings.kafka))
    producer = await stack.enter_async_context(clients.producer(settings.kafka))
    admin = await stack.enter_async_context(clients.admin(settings.kafka))
    consumer = clients.group_consumer(settings.kafka, topics.INTAKE_GROUP)
    pulse, joining = Pulse("reading requests"), Joining()
    sources = Sources(consumer, joining, lambda: replica.directory, partial(examine, admin, settings.topics))
    await sources.look()
    sources.renew()
    await stack.enter_async_context(
        ended_when_still(settings.kafka, topics.INTAKE_GROUP, pulse, joining.pulse)
    )
    await stack.enter_async_context(consumer)
    await stack.enter_async_context(following(consumer, topics.INTAKE_GROUP))
    if settings.intake.port:
        checks = {"broker": health.broker(producer)}
        app = Starlette(routes=health.routes(checks, {"own_topics": sources.check}))
        server = Server(app, settings.ingress.host, settings.intake.port)
        await stack.enter_async_context(server.beside())
    offsets = await stack.enter_async_context(clients.reader(settings.kafka))
    room = Room(offsets, admin, settings.intake.max_ahead, time.monotonic)
    ledger = await stack.enter_async_context(Ledger(settings.redis))
    binding = Binding(ledger.hold, _now)
    return Intake(
        consumer,
        publisher(producer),
        lambda: replica.directory,
        Terms(settings.intake, settings.messages),
        room=room,
        binding=binding,
        asking=Asking(ledger),
        now=_now,
        pulse=pulse,
        sources=sources,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
