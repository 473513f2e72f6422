"""A replica of the ledger's server, and a way to it that can be turned: for failovers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import redis.asyncio

from cli.local.ports import HOST, choose
from cli.local.valkey import Valkey


class Turnout:
    """A TCP way to one of several ports. Turned, it breaks the connections that it has."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """For as long as the block lasts."""
        server = await asyncio.start_server(self._serve, HOST, port)
        try:
            yield
        finally:
            server.close()
            self.turn(self._target)
            await server.wait_closed()

    def turn(self, target: int) -> None:
        """From now on connections go there."""
        self._target = target
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, onward = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, onward}
        self._open |= pair
        try:
            await asyncio.gather(_pump(reader, onward), _pump(there, writer))
        finally:
            self._open -= pair


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def replica(folder: Path, primary: int) -> AsyncIterator[tuple[Valkey, int]]:
    """A server that follows the one at the port `primary` and has caught up with it; and its port."""
    port = choose()
    server = Valkey(folder, port=port)
    await asyncio.to_thread(server.start)
    try:
        await asyncio.to_thread(server.wait_ready)
        async with redis.asyncio.from_url(server.url) as client:
            await client.replicaof(HOST, primary)
            async with asyncio.timeout(30):
                while (await client.info("replication"))["master_link_status"] != "up":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        yield server, port
    finally:
        await asyncio.to_thread(server.stop)


async def promote(server: Valkey) -> None:
    """Make a primary of it."""
    async with redis.asyncio.from_url(server.url) as client:
        await client.replicaof("NO", "ONE")
