"""A server that goes away is said to be away, in whichever words the event loop says it."""

from collections.abc import AsyncIterator, Iterator
from itertools import chain, repeat
from typing import Any

import pytest
from redis.asyncio import Connection

from ledger.errors import LedgerUnavailableError
from ledger.server import Server
from schemas.settings import RedisSettings
from tests.conftest import Store

pytestmark = pytest.mark.broker
CLOSED = RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


def closing(monkeypatch: pytest.MonkeyPatch, when: Iterator[bool]) -> None:
    """Writes find their connection closed, as uvloop says it when a server dies right after accepting."""
    write = Connection._send_packed_command

    async def broken(self: Connection, command: Any) -> None:
        if next(when):
            raise CLOSED
        await write(self, command)

    monkeypatch.setattr(Connection, "_send_packed_command", broken)


@pytest.fixture
async def server(valkey: Store) -> AsyncIterator[Server]:
    server = Server(RedisSettings(url=valkey.url))
    yield server
    await server.stop()


async def test_a_connection_that_was_closed_is_opened_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing(monkeypatch, chain([True], repeat(False)))
    await server.ping()
    closing(monkeypatch, chain([True], repeat(False)))
    assert await server.run("view_get", "m") is not None


async def test_a_server_that_closes_every_connection_is_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing(monkeypatch, repeat(True))
    with pytest.raises(LedgerUnavailableError):
        await server.ping()
    with pytest.raises(LedgerUnavailableError):
        await server.run("view_get", "m")
