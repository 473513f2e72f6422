"""The service as a process: clients, routes, server; up until SIGTERM or SIGINT."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from starlette.applications import Starlette

from broker import clients
from broker.stopping import no_longer, when_told
from broker.topics import verify
from directory.replica import Replica
from directory.secrets import resolve
from ledger import Ledger
from ledger.inbound import InboundMarks
from schemas import topics
from schemas.settings import RedisSettings, Settings, WebhookSettings
from webhooks.app import Parts, make_app
from webhooks.heeding import Consents
from webhooks.inbox import Inbox
from webhooks.keys import Keys
from webhooks.publishing import produces, publisher

_LOG: Final = logging.getLogger(__name__)
_READY_SECONDS: Final = 2.0
#: The ledger is a help here (of repeats and opt-outs the topics have all), and Telnyx waits two seconds.
_LEDGER_SECONDS: Final = 0.4


async def serve(settings: Settings) -> None:
    """Take callbacks until told to stop; then finish what is under way.

    Raises:
        TopicsDifferError: a topic is missing or set up otherwise.
        KafkaError: the broker cannot be reached at the start.
    """
    written = [topics.EVENTS, topics.INBOUND, topics.OPTOUTS, topics.MESSAGES]
    await verify(settings.kafka, settings.topics, [*written, topics.DIRECTORY])
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger(_impatient(settings.redis)))
        replica = await stack.enter_async_context(Replica(settings.kafka))
        # Receipts come in bursts; two milliseconds make batches of them.
        producer = await stack.enter_async_context(clients.producer(settings.kafka, linger_ms=2))
        produce, timeout = produces(producer), settings.webhooks.produce_timeout_seconds
        parts = Parts(
            directory=lambda: replica.directory,
            keys=Keys(resolve),
            publish=publisher(produce, timeout),
            inbox=Inbox(produce, InboundMarks(ledger.server), timeout_seconds=timeout),
            consents=Consents(
                produce,
                ledger,
                lambda: replica.directory,
                lifetime_ms=round(settings.messages.lifetime_seconds * 1000),
            ),
            timeout_seconds=timeout,
            callbacks=settings.callbacks,
            body_limit_bytes=settings.webhooks.body_limit_bytes,
            trouble=_trouble(producer),
            clock=lambda: time.time_ns() // 1_000_000,
        )
        await Server(settings, make_app(parts)).serve()


def _impatient(redis: RedisSettings) -> RedisSettings:
    return redis.model_copy(update={"timeout_seconds": min(redis.timeout_seconds, _LEDGER_SECONDS)})


def _trouble(producer: AIOKafkaProducer) -> Callable[[], Awaitable[str | None]]:
    async def trouble() -> str | None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                metadata = await producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError) as error:
            return f"the broker does not answer: {type(error).__name__}"
        return None if metadata.brokers() else "no broker"

    return trouble


class Server(uvicorn.Server):
    """uvicorn, with the signals and the ready file of all our services."""

    def __init__(self, settings: Settings, app: Starlette) -> None:
        super().__init__(_config(settings.webhooks, app))
        self._ready_file = settings.ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then make the ready file."""
        await super().startup(sockets)
        if self.started:
            _LOG.info("webhooks.ready")
            if self._ready_file is not None:
                self._ready_file.touch()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT. uvicorn's own would raise the signal again before our clients close."""
        when_told(self._stop)
        try:
            yield
        finally:
            no_longer()

    def _stop(self) -> None:
        self.should_exit = True


def _config(settings: WebhookSettings, app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        # Longer than providers and load balancers keep idle connections (commonly 60 seconds).
        timeout_keep_alive=75,
        # An answer may take as long as the broker is waited for.
        timeout_graceful_shutdown=round(settings.produce_timeout_seconds) + 1,
    )
