"""The REST door as a process: clients, routes, server; up until SIGTERM or SIGINT."""

import logging
import os
import time
from contextlib import AsyncExitStack
from typing import Final
from uuid import UUID

from broker import clients, health
from broker.topics import verify
from directory.replica import Replica
from ingress.admin.live import Live
from ingress.admin.serving import Subscribing
from ingress.admin.writing import Writing
from ingress.app import make_app
from ingress.bounded import Bounded
from ingress.cancelling import Cancelling
from ingress.endpoints import Parts
from ingress.limits import RateLimit
from ingress.optouts import OptOuts
from ingress.publishing import Publisher
from ingress.recipients import Asking
from ingress.rehearsal import Rehearsal
from ingress.sending import Sending
from ingress.server import Server
from ingress.watching import Watching
from ledger import Ledger
from schemas import topics
from schemas.settings import Settings

_LOG: Final = logging.getLogger(__name__)
_NOBODY: Final = str(UUID(int=0))


async def serve(settings: Settings) -> None:
    """Answer requests until told to stop; then finish what is under way.

    Raises:
        TopicsDifferError: a topic is missing or set up otherwise.
        KafkaError: the broker cannot be reached at the start.
    """
    names = [topics.MESSAGES, topics.EVENTS, topics.OPTOUTS, topics.DIRECTORY, topics.NOTIFICATIONS]
    await verify(settings.kafka, settings.topics, names)
    async with AsyncExitStack() as stack:
        parts = await start(settings, stack)

        def listening() -> None:
            _LOG.info("ingress.ready")
            if settings.ready_file is not None:
                settings.ready_file.touch()

        door = settings.ingress
        await Server(make_app(parts), door.host, door.port, listening=listening).serve()


async def start(settings: Settings, stack: AsyncExitStack) -> Parts:
    """Connect everything that the routes need; `stack` disconnects it."""
    replica = await stack.enter_async_context(Replica(settings.kafka))
    # A linger would be added to every answer; while a batch is under way the next one gathers anyway.
    producer = await stack.enter_async_context(clients.producer(settings.kafka, linger_ms=0))
    ledger = await stack.enter_async_context(Ledger(settings.redis))
    publish = Publisher(producer, settings.ingress.produce_timeout_seconds)
    bounded = Bounded(ledger)
    watching = Watching(bounded.get_many)
    sending = Sending(
        lambda: replica.directory,
        bounded,
        watching,
        publish,
        Asking(ledger),
        door=settings.ingress,
        messages=settings.messages,
        clock=_now,
        random=os.urandom,
    )
    return Parts(
        sending=sending,
        rehearsal=Rehearsal(lambda: replica.directory, ledger, messages=settings.messages, clock=_now),
        cancelling=Cancelling(bounded, watching, publish, clock=_now),
        ledger=bounded,
        rates=RateLimit(ledger.allow),
        optouts=OptOuts(publish, ledger, lambda: replica.directory, clock=_now),
        directory=lambda: replica.directory,
        body_limit_bytes=settings.ingress.body_limit_bytes,
        clock=_now,
        random=os.urandom,
        writing=Writing(
            lambda: replica.directory,
            Live(producer, replica, settings.ingress.produce_timeout_seconds, clock=_now),
        ),
        subscribing=Subscribing(
            roots=settings.subscriptions.secrets,
            private=settings.notifiers.allow_private,
            publish=publish,
        ),
        needed={"directory": _directory(replica), "broker": health.broker(producer)},
        # Requests without a key go on without the ledger.
        shown={"ledger": _ledger(ledger)},
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


def _directory(replica: Replica) -> health.Check:
    async def check() -> str:
        return health.OK if replica.failure() is None else "stands still"

    return check


def _ledger(ledger: Ledger) -> health.Check:
    async def check() -> str:
        return health.OK if (await ledger.get(_NOBODY)).whole else "not whole"

    return check
