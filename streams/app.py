"""The four processes, put together from settings: two apps on the engine, two plain loops."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiokafka import AIOKafkaConsumer

from broker import clients, health, security
from broker import topics as checks
from broker.progress import LOOK_SECONDS, following
from broker.publish import publisher
from broker.stall import ended_when_still
from broker.stopping import when_told
from directory.replica import Replica
from ledger import Ledger
from schemas import topics
from schemas.settings import Settings
from streams import dedupe, engine, folding, metrics, polling, route, rows
from streams.arrival import WAY, Arrival, KafkaOffsets
from streams.clock import now_ms
from streams.figures import Figures
from streams.folding import Folder
from streams.memory import Recipients
from streams.optouts import Following
from streams.recalling import Recalling
from streams.route import Router, Surroundings
from streams.standing import Outlook
from streams.views import Views
from streams.waiting import Mover

log = logging.getLogger(__name__)

_BEGAN = time.monotonic()

#: What the mover holds of each waiting topic's partition, and what its client has read ahead.
_WAITING_BYTES = 262_144

#: Rows of a table that are looked at for eviction, this often: a million in a quarter of an hour.
_EVICT_ROWS = 2_000
_EVICT_SECONDS = 2.0
#: How often it is asked whether what runs beside the routing has failed.
_CHECK_SECONDS = 1.0
#: Preparing a batch is over by then even where the ledger's last answer is slow; else the process ends.
_PREPARE_MARGIN_SECONDS = 60.0
#: Intake sees by the commits of `route` how much it may let in (`HELIO_INTAKE__MAX_AHEAD`).
_ROUTE_COMMIT_SECONDS = 0.25
#: By how much the clocks of our machines may differ without a row being missed when the view is written anew.
_CLOCKS_APART_MS = 3_600_000


def run_route(settings: Settings) -> None:
    """`route`, until told to stop.

    Raises:
        TopicsDifferError: topics are missing or set up otherwise.
    """
    app = _app(
        settings,
        topics.ROUTE_APP,
        fetch_pace_seconds=0.0,
        out_linger_seconds=0.002,
        commit_seconds=min(settings.kafka.commit_interval_seconds, _ROUTE_COMMIT_SECONDS),
    )
    first = engine.make_table(app, topics.FIRST_TABLE, partitions=settings.topics.partitions)
    replica = Replica(settings.kafka)
    ledger = Ledger(settings.redis)
    recipients = Recipients(ledger.sticky, settings.route.memory_seconds)
    outlook = Outlook(ledger, lambda: replica.directory)
    around = Surroundings(lambda: replica.directory, lambda: outlook.standing, recipients, now_ms)
    engine.agent(
        app,
        topics.MESSAGES,
        outputs=route.OUTPUTS,
        handler=Router(first, around).handle,
        prepare=recipients.prepare,
        prepare_seconds=settings.route.memory_seconds + _PREPARE_MARGIN_SECONDS,
    )
    names = [topics.MESSAGES, topics.DIRECTORY, topics.changelog(topics.ROUTE_APP, topics.FIRST_TABLE)]
    figures = Figures(app, first, settings.streams)
    engine.run(
        app,
        on_start=[
            figures.start,
            partial(_verify, settings, [*names, *route.OUTPUTS]),
            replica.start,
            ledger.start,
            outlook.start,
        ],
        on_stop=[outlook.stop, ledger.stop, replica.stop, figures.stop],
        every=[
            (
                _EVICT_SECONDS,
                lambda: first.evict(lambda _, row: dedupe.forgotten(row, now_ms()), _EVICT_ROWS),
            ),
            (_CHECK_SECONDS, outlook.check),
            (LOOK_SECONDS, figures.look),
        ],
        ready=partial(_ready, settings, figures),
    )


def run_fold(settings: Settings) -> None:
    """`fold`, until told to stop.

    Raises:
        TopicsDifferError: topics are missing or set up otherwise.
    """
    app = _app(
        settings,
        topics.FOLD_APP,
        fetch_pace_seconds=0.02,
        out_linger_seconds=0.02,
        commit_seconds=settings.kafka.commit_interval_seconds,
    )
    table = engine.make_table(app, topics.ROWS_TABLE, partitions=settings.topics.partitions, keep=rows.keep)
    folder = Folder(table, now_ms)
    engine.agent(app, topics.EVENTS, outputs=folding.OUTPUTS, handler=folder.handle)
    names = [topics.EVENTS, topics.changelog(topics.FOLD_APP, topics.ROWS_TABLE), *folding.OUTPUTS]
    figures = Figures(app, table, settings.streams)
    engine.run(
        app,
        on_start=[figures.start, partial(_verify, settings, names)],
        on_stop=[figures.stop],
        every=[
            (_EVICT_SECONDS, lambda: table.evict(lambda _, row: rows.forgotten(row, now_ms()), _EVICT_ROWS)),
            (LOOK_SECONDS, figures.look),
        ],
        ready=partial(_ready, settings, figures),
    )


async def serve_views(settings: Settings) -> None:
    """`views`, until told to stop.

    Raises:
        TopicsDifferError: topics are missing or set up otherwise.
    """
    await _verify(settings, [topics.STATUS, topics.OPTOUTS, *polling.OUTPUTS, *(topic for topic, _ in WAY)])
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger(settings.redis))
        reader = await stack.enter_async_context(clients.reader(settings.kafka))
        admin = await stack.enter_async_context(clients.admin(settings.kafka))
        offsets = KafkaOffsets(reader, admin, settings.topics.partitions)
        consumer = clients.group_consumer(settings.kafka, topics.VIEWS_GROUP)
        views = Views(
            consumer,
            ledger,
            arrival=lambda: Arrival(offsets),
            partitions=settings.topics.partitions,
            lifetime_ms=round(settings.messages.lifetime_seconds * 1000) + _CLOCKS_APART_MS,
            now=now_ms,
        )
        views.subscribe()
        guard = ended_when_still(settings.kafka, topics.VIEWS_GROUP, *views.pulses)
        await stack.enter_async_context(guard)
        await stack.enter_async_context(consumer)
        producer = await stack.enter_async_context(clients.producer(settings.kafka))
        poller = polling.Polling(
            ledger,
            publisher(producer),
            after_ms=round(settings.messages.receipt_seconds * 1000),
            now=now_ms,
        )
        recalling = Recalling(
            ledger,
            await stack.enter_async_context(clients.reader(settings.kafka)),
            ours=lambda: {partition.partition for partition in consumer.assignment()},
            partitions=settings.topics.partitions,
            now=now_ms,
        )
        listener = clients.group_consumer(settings.kafka, topics.OPTOUTS_GROUP)
        following = Following(listener, ledger)
        following.subscribe()
        await stack.enter_async_context(listener)
        await _serve(
            settings,
            stack,
            {"broker": health.broker(producer)},
            (consumer, topics.VIEWS_GROUP),
            (listener, topics.OPTOUTS_GROUP),
        )
        async with _until_told() as stop, asyncio.TaskGroup() as group:
            _ready(settings)
            work = (poller.run(), recalling.run(), following.run())
            beside = [group.create_task(one) for one in work]
            await views.run(stop)
            for task in beside:
                task.cancel()
    log.info("views.stopped")


async def serve_waiting(settings: Settings) -> None:
    """`waiting`, until told to stop.

    Raises:
        TopicsDifferError: topics are missing or set up otherwise.
    """
    delays = {topic: delay for delay, topic in topics.WAITING.items()}
    letters = {topics.dead_letters(topic) for topic in delays}
    targets = {topic.name for topic in topics.catalogue()}
    await _verify(settings, [*delays, *letters])
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(clients.producer(settings.kafka))
        consumer = clients.group_consumer(
            settings.kafka, topics.WAITING_GROUP, max_partition_fetch_bytes=_WAITING_BYTES
        )
        mover = Mover(consumer, publisher(producer), delays=delays, targets=targets, now=now_ms)
        mover.subscribe()
        guard = ended_when_still(settings.kafka, topics.WAITING_GROUP, *mover.pulses)
        await stack.enter_async_context(guard)
        await stack.enter_async_context(consumer)
        await _serve(settings, stack, {"broker": health.broker(producer)}, (consumer, topics.WAITING_GROUP))
        async with _until_told() as stop:
            _ready(settings)
            await mover.run(stop)
    log.info("waiting.stopped")


def _app(
    settings: Settings,
    name: str,
    *,
    fetch_pace_seconds: float,
    out_linger_seconds: float,
    commit_seconds: float,
) -> engine.App:
    kafka = settings.kafka
    return engine.make_app(
        name,
        kafka.bootstrap_servers,
        security=security.options(kafka),
        session_seconds=kafka.session_timeout_seconds,
        heartbeat_seconds=kafka.heartbeat_seconds,
        commit_seconds=commit_seconds,
        fetch_pace_seconds=fetch_pace_seconds,
        out_linger_seconds=out_linger_seconds,
    )


async def _verify(settings: Settings, names: Collection[str]) -> None:
    await checks.verify(settings.kafka, settings.topics, names)


async def _serve(
    settings: Settings,
    stack: AsyncExitStack,
    needed: Mapping[str, health.Check],
    *members: tuple[AIOKafkaConsumer, str],
) -> None:
    """`/livez`, `/readyz` and `/metrics`, how far `members` of their groups are among these."""
    for consumer, group in members:
        await stack.enter_async_context(following(consumer, group))
    await stack.enter_async_context(health.serving(settings.streams.host, settings.streams.port, needed))


def _ready(settings: Settings, figures: Figures | None = None) -> None:
    metrics.READY_SECONDS.set(time.monotonic() - _BEGAN)
    if figures is not None:
        figures.ready = True
    if settings.ready_file:
        settings.ready_file.touch()
    log.info("streams.ready")


@asynccontextmanager
async def _until_told() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    when_told(stop.set)
    yield stop
