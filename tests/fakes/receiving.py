"""An endpoint on loopback that does as it is told, and remembers what it was sent."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
DEADLINE = 60.0


@dataclass
class Got:
    """One POST."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """`reply` is for tests to set; by default 204."""

    url: str = ""
    reply: Reply | None = None
    got: list[Got] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(headers, await request.read()))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        async with self._moved:
            self._moved.notify_all()
        try:
            return web.Response(status=204) if self.reply is None else await self.reply(request)
        finally:
            self.open -= 1

    async def until(self, done: Callable[[], bool]) -> None:
        """Return once `done`; looked at with each POST."""
        async with asyncio.timeout(DEADLINE), self._moved:
            await self._moved.wait_for(done)

    async def count(self, number: int) -> None:
        """Return once so many POSTs have come."""
        await self.until(lambda: len(self.got) >= number)


@asynccontextmanager
async def receiving(reply: Reply | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(reply=reply)
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/told"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def status(code: int, **headers: str) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        found = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, headers=found)

    return reply


def hangs(until: asyncio.Event) -> Reply:
    """Answers once `until` is set."""

    async def reply(_: web.Request) -> web.StreamResponse:
        await until.wait()
        return web.Response(status=204)

    return reply
