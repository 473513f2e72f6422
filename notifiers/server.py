"""`/livez`, `/readyz` and `/metrics`, where a port is set."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_READY_SECONDS: Final = 2.0


def make_app(producer: AIOKafkaProducer) -> Starlette:
    """The three paths; the service is ready while the broker answers `producer`."""

    async def livez(_: Request) -> Response:
        return Response(b"ok")

    async def readyz(_: Request) -> Response:
        trouble = await _trouble(producer)
        return Response(trouble or "ready", 503 if trouble else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


async def _trouble(producer: AIOKafkaProducer) -> str | None:
    try:
        async with asyncio.timeout(_READY_SECONDS):
            metadata = await producer.client.fetch_all_metadata()
    except (KafkaError, TimeoutError) as error:
        return f"the broker does not answer: {type(error).__name__}"
    return None if metadata.brokers() else "no broker"


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


@asynccontextmanager
async def serving(app: Starlette, host: str, port: int) -> AsyncIterator[None]:
    """Serve within the block; not at all where `port` is 0."""
    if not port:
        yield
        return
    config = uvicorn.Config(
        app, host=host, port=port, lifespan="off", access_log=False, log_config=None, server_header=False
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task
