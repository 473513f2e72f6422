"""Ways from a process to its peers that can be hung, cut or slowed down: partitions on one machine."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Self

from cli.local.ports import HOST
from tests.chaos.orders import Peer

_CHUNK = 65_536
_SLOW_SECONDS = 0.3
#: A host that is away says so late. Said at once, a dozen clients that try again keep it from coming back.
_AWAY_SECONDS = 0.25
_NO_LINGER = struct.pack("ii", 1, 0)


class Way(StrEnum):
    """What becomes of the bytes."""

    PASS = "pass"
    #: Nothing arrives, in neither direction, and no connection breaks; when it heals, all of it does, late.
    HANG = "hang"
    #: What the process sends arrives, and no answer comes back until it heals.
    DEAF = "deaf"
    #: Every connection is reset, and each new one likewise.
    CUT = "cut"
    #: Each piece of data takes 0.3 s more, in both directions.
    SLOW = "slow"


class Proxy:
    """A TCP server on loopback that hands connections on to `target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._way = Way.PASS
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.turn(Way.PASS)

    async def start(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._begin, HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def turn(self, way: Way) -> None:
        """From now on treat all connections so."""
        self._way = way
        for gate, shut in ((self._there, {Way.HANG}), (self._back, {Way.HANG, Way.DEAF})):
            if way in shut:
                gate.clear()
            else:
                gate.set()
        if way is Way.CUT:
            self._reset()

    async def close(self) -> None:
        """Break all connections and stop listening."""
        if self._server is not None:
            self._server.close()
            self._reset()
            self._there.set()
            self._back.set()
            await asyncio.gather(*self._serving)
            await self._server.wait_closed()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._way is Way.CUT:
            _reset(writer)
            return
        try:
            onward, out = await asyncio.open_connection(HOST, self._target)
        except OSError:
            await asyncio.sleep(_AWAY_SECONDS)
            _reset(writer)
            return
        pair = {writer, out}
        self._writers |= pair
        pumps = [
            asyncio.create_task(self._pump(reader, out, self._there)),
            asyncio.create_task(self._pump(onward, writer, self._back)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for one in pair:
                one.close()
            self._writers -= pair
            await asyncio.gather(*pumps, *(one.wait_closed() for one in pair), return_exceptions=True)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if self._way is Way.SLOW:
                    await asyncio.sleep(_SLOW_SECONDS)
                await gate.wait()
                sink.write(data)
                await sink.drain()
            await gate.wait()

    def _reset(self) -> None:
        for writer in self._writers:
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: with data unsaid."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


class Proxies:
    """A way of its own for each process to each of its peers. Use as an async context manager.

    Args:
        wanted: process -> peer -> the port where the peer listens.
    """

    def __init__(self, wanted: Mapping[str, Mapping[Peer, int]]) -> None:
        self._all = {
            (name, peer): Proxy(port) for name, peers in wanted.items() for peer, port in peers.items()
        }
        #: process -> peer -> the port to connect to instead.
        self.ports: dict[str, dict[Peer, int]] = {name: {} for name in wanted}

    async def __aenter__(self) -> Self:
        for (name, peer), proxy in self._all.items():
            self.ports[name][peer] = await proxy.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(proxy.close() for proxy in self._all.values()))

    def turn(self, name: str, peer: Peer, way: Way) -> None:
        """Treat all connections of a process to a peer so."""
        self._all[name, peer].turn(way)

    def heal(self) -> None:
        """Let everything pass."""
        for proxy in self._all.values():
            proxy.turn(Way.PASS)
