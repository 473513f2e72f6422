"""Puts one provider's dispatcher together and runs it until it is told to stop."""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from broker import clients
from broker.health import broker, serving
from broker.progress import following
from broker.publish import Publish, publisher
from broker.stall import ended_when_still
from broker.stopping import before, when_told
from broker.topics import verify
from directory.replica import Replica
from dispatchers import health
from dispatchers.accounts import Accounts
from dispatchers.asking import Asking
from dispatchers.deferring import Deferring
from dispatchers.handover import HandOver
from dispatchers.journal import Journal
from dispatchers.providers import connect
from dispatchers.reader import Reader
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger import Ledger
from ledger.rebuild import ensure_epoch
from schemas import callback, topics
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.settings import Settings

log = logging.getLogger(__name__)

#: What the client keeps of each partition, read ahead: also what may lie before another partition's records.
_FETCH_BYTES = 262_144
#: What is left to be done when nothing is in flight any more: a few rounds to broker and ledger.
_AFTER_DRAIN_SECONDS = 7.0
#: Within that, what has been answered by then is told and closed.
_SETTLE_SECONDS = 5.0


@dataclass(frozen=True)
class _Dispatcher:
    """One provider's dispatcher, put together; not a member of its group yet."""

    provider: Provider
    replica: Replica
    tools: Tools
    window: Window
    consumer: AIOKafkaConsumer
    reader: Reader
    hand_over: HandOver
    asking: Asking
    deferring: Deferring


async def serve(settings: Settings, provider: Provider) -> None:
    """Hand over `provider`'s tasks until SIGTERM or SIGINT; then finish what is in flight.

    Raises:
        TopicsDifferError: topics are missing or set up otherwise.
        RetentionError: tasks were lost to retention.
    """
    stop = asyncio.Event()
    when_told(stop.set, settings.dispatch.drain_seconds + _AFTER_DRAIN_SECONDS)
    sources = [topics.dispatch(provider, lane) for lane in Lane]
    await verify(
        settings.kafka,
        settings.topics,
        [
            *sources,
            topics.INTENTS,
            topics.EVENTS,
            topics.OPTOUTS,
            topics.MESSAGES,
            topics.DIRECTORY,
            topics.dead_letters(sources[0]),
            *topics.WAITING.values(),
        ],
    )
    async with _built(settings, provider) as made:
        # A rebuild takes as long as it takes, and ledger or broker may be away.
        if not await before(stop, made.tools.ledger_ready()):
            return
        # Before the group counts on us: an SDK's import and a key's parsing stop the loop for seconds.
        for account in made.replica.directory.accounts(provider):
            made.tools.accounts.port(account.id)
        made.consumer.subscribe(sources, listener=made.reader)
        guard = ended_when_still(
            settings.kafka,
            topics.dispatch_group(provider),
            *made.reader.pulses,
            before=partial(_drain, made.hand_over, settings.dispatch.drain_seconds),
        )
        progress = following(made.consumer, topics.dispatch_group(provider))
        async with guard, made.consumer, progress:
            if settings.ready_file:
                settings.ready_file.touch()
            log.info("dispatcher for %s is ready", provider)
            await _run(settings, made, stop)
            log.info("dispatcher for %s has stopped", provider)


@asynccontextmanager
async def _built(settings: Settings, provider: Provider) -> AsyncIterator[_Dispatcher]:
    """The dispatcher, its clients started."""
    async with AsyncExitStack() as stack:
        replica = await stack.enter_async_context(Replica(settings.kafka))
        producer = await stack.enter_async_context(clients.producer(settings.kafka))
        ledger = await stack.enter_async_context(Ledger(settings.redis))
        own, checks = settings.dispatch, {"broker": broker(producer)}
        await stack.enter_async_context(serving(own.host, own.port, checks))
        accounts = Accounts(lambda: replica.directory, partial(connect, http=settings.dispatch))
        stack.push_async_callback(accounts.close)
        publish = publisher(producer)
        tools = _tools(settings, provider, ledger, accounts, publish)
        window = Window(accounts.quota, settings.dispatch.window, accounts.names, accounts.paces)
        hand_over = HandOver(window, tools)
        asking = Asking(tools)
        deferring = Deferring(window, tools, hand_over.add_voids)
        consumer = clients.group_consumer(
            settings.kafka, topics.dispatch_group(provider), max_partition_fetch_bytes=_FETCH_BYTES
        )
        reader = Reader(
            consumer,
            window,
            hand_over,
            deferring,
            publish=publish,
            now=_now,
            ask=asking.add,
            release_seconds=settings.kafka.session_timeout_seconds / 2,
        )
        yield _Dispatcher(
            provider=provider,
            replica=replica,
            tools=tools,
            window=window,
            consumer=consumer,
            reader=reader,
            hand_over=hand_over,
            asking=asking,
            deferring=deferring,
        )


def _tools(
    settings: Settings, provider: Provider, ledger: Ledger, accounts: Accounts, publish: Publish
) -> Tools:
    gate = asyncio.Lock()

    async def ledger_ready() -> None:
        async with gate:
            await ensure_epoch(ledger, settings.kafka, publish, _now, settings.dispatch.day_zone)

    return Tools(
        ledger=ledger,
        journal=Journal(f"{provider}-{socket.gethostname()}-{os.getpid()}", publish, _now),
        accounts=accounts,
        settings=settings.dispatch,
        ledger_ready=ledger_ready,
        callback_url=lambda to: callback.url(
            settings.callbacks.public_url, provider, to, settings.callbacks.secrets[0]
        ),
        now=_now,
        new_nonce=lambda: uuid4().hex,
        chance=random.random,
    )


async def _run(settings: Settings, made: _Dispatcher, stop: asyncio.Event) -> None:
    """Until `stop` is set and what is in flight has ended."""
    async with asyncio.TaskGroup() as group:
        working = {group.create_task(made.hand_over.run()), group.create_task(made.asking.run())}
        reading = group.create_task(made.reader.read())
        others = [
            reading,
            group.create_task(made.reader.commit_every(settings.kafka.commit_interval_seconds)),
            group.create_task(_raise(made.reader.failed)),
            group.create_task(made.deferring.run()),
            group.create_task(made.deferring.sweep()),
            group.create_task(health.watch(made.tools.ledger, lambda: made.replica.directory, made.provider)),
            group.create_task(
                health.count(made.window, lambda: made.hand_over.busy, made.provider, made.tools.now)
            ),
        ]
        await stop.wait()
        reading.cancel()
        made.hand_over.stop_taking()
        made.asking.stop_taking()
        # Longer only if ledger or broker are away as well; the next process settles what is left.
        await asyncio.wait(working, timeout=settings.dispatch.drain_seconds + _SETTLE_SECONDS)
        for work in working:
            work.cancel()
        await made.reader.commit()
        for other in others:
            other.cancel()


async def _drain(hand_over: HandOver, seconds: float) -> None:
    """Let what is in flight finish: of a call that is cut off nobody knows what came."""
    hand_over.stop_taking()
    await hand_over.quiet(seconds)


async def _raise(failed: asyncio.Future[None]) -> None:
    await failed


def _now() -> int:
    return time.time_ns() // 1_000_000
