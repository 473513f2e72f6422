"""A proxy holds, resets and lets pass, so that a partition is what its name says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from cli.local.ports import HOST
from tests.chaos.proxy import Proxy, Way

#: Long enough for any machine: it passes only where something is lost.
DEADLINE = 60.0


async def end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture
async def heard() -> AsyncIterator[tuple[Proxy, int, asyncio.Queue[bytes]]]:
    """A proxy before a server that says back what it hears, its port, and what the server heard."""
    got: asyncio.Queue[bytes] = asyncio.Queue()

    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1000):
                got.put_nowait(data)
                writer.write(data)
        await end(writer)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.get_running_loop().create_task(serve(reader, writer)))

    server = await asyncio.start_server(begin, HOST, 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    port = await proxy.start()
    yield proxy, port, got
    await proxy.close()
    server.close()
    await asyncio.gather(*serving)
    await server.wait_closed()


Heard = tuple[Proxy, int, "asyncio.Queue[bytes]"]


async def test_bytes_pass(heard: Heard) -> None:
    _, port, _ = heard
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"hello")
    assert await asyncio.wait_for(reader.readexactly(5), DEADLINE) == b"hello"
    await end(writer)


async def test_what_hangs_arrives_when_it_heals(heard: Heard) -> None:
    proxy, port, got = heard
    reader, writer = await asyncio.open_connection(HOST, port)
    proxy.turn(Way.HANG)
    writer.write(b"hello")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(got.get(), 0.2)
    proxy.turn(Way.PASS)
    assert await asyncio.wait_for(reader.readexactly(5), DEADLINE) == b"hello"
    await end(writer)


async def test_who_is_deaf_is_heard(heard: Heard) -> None:
    proxy, port, got = heard
    reader, writer = await asyncio.open_connection(HOST, port)
    proxy.turn(Way.DEAF)
    writer.write(b"hello")
    assert await asyncio.wait_for(got.get(), DEADLINE) == b"hello"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(5), 0.2)
    proxy.turn(Way.PASS)
    assert await asyncio.wait_for(reader.readexactly(5), DEADLINE) == b"hello"
    await end(writer)


async def test_a_cut_way_resets_connections_old_and_new(heard: Heard) -> None:
    proxy, port, _ = heard
    old, old_writer = await asyncio.open_connection(HOST, port)
    old_writer.write(b"hello")
    await asyncio.wait_for(old.readexactly(5), DEADLINE)
    proxy.turn(Way.CUT)
    with pytest.raises(OSError, match="reset"):
        await asyncio.wait_for(old.readexactly(1), DEADLINE)
    new, new_writer = await asyncio.open_connection(HOST, port)
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(new.readexactly(1), DEADLINE)
    for writer in (old_writer, new_writer):
        await end(writer)
