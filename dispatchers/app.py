"""Puts one provider's dispatcher together and runs it until it is told to stop."""

import asyncio
import logging
import os
import random
import socket
import time
from contextlib import AsyncExitStack
from functools import partial
from uuid import uuid4

from broker import clients
from broker.publish import publisher
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
from schemas.messages import Lane
from schemas.provider import Provider
from schemas.settings import Settings

log = logging.getLogger(__name__)

#: What the client keeps of each partition, read ahead: also what may lie before another partition's records.
_FETCH_BYTES = 262_144
#: What is left to be done when nothing is in flight any more: a few rounds to broker and ledger.
_AFTER_DRAIN_SECONDS = 7.0


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
            topics.DIRECTORY,
            topics.dead_letters(sources[0]),
            *topics.WAITING.values(),
        ],
    )
    async with AsyncExitStack() as stack:
        replica = await stack.enter_async_context(Replica(settings.kafka))
        producer = await stack.enter_async_context(clients.producer(settings.kafka))
        ledger = await stack.enter_async_context(Ledger(settings.redis))
        accounts = Accounts(lambda: replica.directory, partial(connect, http=settings.dispatch))
        stack.push_async_callback(accounts.close)
        publish = publisher(producer)
        gate = asyncio.Lock()

        async def ledger_ready() -> None:
            async with gate:
                await ensure_epoch(ledger, settings.kafka, publish, _now)

        journal = Journal(f"{provider}-{socket.gethostname()}-{os.getpid()}", publish, _now)
        tools = Tools(
            ledger=ledger,
            journal=journal,
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
        # A rebuild takes as long as it takes, and ledger or broker may be away.
        if not await before(stop, ledger_ready()):
            return
        # Before the group counts on us: an SDK's import and a key's parsing stop the loop for seconds.
        for account in replica.directory.accounts(provider):
            accounts.port(account.id)
        consumer.subscribe(sources, listener=reader)
        guard = ended_when_still(
            settings.kafka,
            topics.dispatch_group(provider),
            *reader.pulses,
            before=partial(_drain, hand_over, settings.dispatch.drain_seconds),
        )
        await stack.enter_async_context(guard)
        await stack.enter_async_context(consumer)
        if settings.ready_file:
            settings.ready_file.touch()
        log.info("dispatcher for %s is ready", provider)
        ledger.tend(health.watch(ledger, lambda: replica.directory, provider))
        await _run(settings, reader, hand_over, deferring=deferring, asking=asking, stop=stop)
        log.info("dispatcher for %s has stopped", provider)


async def _run(
    settings: Settings,
    reader: Reader,
    hand_over: HandOver,
    *,
    deferring: Deferring,
    asking: Asking,
    stop: asyncio.Event,
) -> None:
    async with asyncio.TaskGroup() as group:
        working = {group.create_task(hand_over.run()), group.create_task(asking.run())}
        others = [
            group.create_task(reader.read()),
            group.create_task(reader.commit_every(settings.kafka.commit_interval_seconds)),
            group.create_task(_raise(reader.failed)),
            group.create_task(deferring.run()),
            group.create_task(deferring.sweep()),
        ]
        await stop.wait()
        others[0].cancel()
        hand_over.stop_taking()
        asking.stop_taking()
        # Longer only if ledger or broker are away as well; the next process settles what is left.
        await asyncio.wait(working, timeout=settings.dispatch.drain_seconds + 5)
        for work in working:
            work.cancel()
        await reader.commit()
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
