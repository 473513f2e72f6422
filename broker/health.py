"""`/livez`, `/readyz` and `/metrics`, alike for all services."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from aiokafka import AIOKafkaProducer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: What is looked at: a word or two for each part, and whether the service may be used without it.
Check = Callable[[], Awaitable[str]]
OK: Final = "ok"
_SECONDS: Final = 2.0


def routes(needed: Mapping[str, Check], shown: Mapping[str, Check]) -> list[Route]:
    """The three paths. All of `needed` must say "ok" for the service to be ready; `shown` are only told."""

    async def livez(_: Request) -> Response:
        return _json(200, {"status": OK})

    async def readyz(_: Request) -> Response:
        checks = {**needed, **shown}
        found = dict(zip(checks, await asyncio.gather(*map(_bounded, checks.values())), strict=True))
        ready = all(found[name] == OK for name in needed)
        return _json(200 if ready else 503, {"status": OK if ready else "not ready", "checks": found})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def broker(producer: AIOKafkaProducer) -> Check:
    """Whether the cluster answers `producer`."""

    async def check() -> str:
        metadata = await producer.client.fetch_all_metadata()
        return OK if metadata.brokers() else "no broker"

    return check


@asynccontextmanager
async def serving(host: str, port: int, needed: Mapping[str, Check]) -> AsyncIterator[None]:
    """The three paths within the block, for a process that answers nothing else; none where `port` is 0.

    A port that cannot be had ends the process, with uvicorn's exit code 3, and the log says which.
    """
    if not port:
        yield
        return
    config = uvicorn.Config(
        Starlette(routes=routes(needed, {})),
        host=host,
        port=port,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(), name="health")
    try:
        yield
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


async def _bounded(check: Check) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            return await check()
    except Exception as error:  # noqa: BLE001  whatever is wrong is what readiness is asked for
        return type(error).__name__


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body).encode(), status, media_type="application/json")
