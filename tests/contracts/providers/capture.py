"""An HTTP server of the crudest sort: it shows what went over the wire, and misbehaves as it is told to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    target: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: How much of the body is sent before the connection breaks; None: all of it.
    cut: int | None = None

    def encode(self) -> bytes:
        head = [f"HTTP/1.1 {self.status} Whatever", f"Content-Length: {len(self.body)}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*head, "", ""]).encode() + self.body[: self.cut]


class Silence:
    """Read the request and never answer."""


class Drip:
    """Answer with a body that comes a byte at a time and has no end."""


class Drop:
    """Read the request and close the connection."""


class HangUp:
    """Close the connection without reading anything."""


Behaviour = Answer | Silence | Drip | Drop | HangUp


class Capture:
    """What the server has seen, and what it does next."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = Drop()
        self.requests: list[Request] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self._another = asyncio.Condition()
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def until(self, count: int) -> None:
        """Wait until that many requests have been read."""
        async with self._another:
            await self._another.wait_for(lambda: len(self.requests) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if isinstance(self.behaviour, HangUp):
            # An RST: nothing that the client writes now is ever read.
            writer.transport.abort()
            return False
        self.requests.append(await _read(reader))
        self.arrived.set()
        async with self._another:
            self._another.notify_all()
        match self.behaviour:
            case Answer() as answer:
                writer.write(answer.encode())
                await writer.drain()
                return answer.cut is None
            case Silence():
                await asyncio.Event().wait()
            case Drip():
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)
        return False

    async def stop(self) -> None:
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


@asynccontextmanager
async def capture() -> AsyncIterator[Capture]:
    """A capture server on a free port of loopback."""
    found = Capture()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    found.url = f"http://{host}:{port}"
    try:
        yield found
    finally:
        server.close()
        await found.stop()
        await server.wait_closed()
