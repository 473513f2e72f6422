"""The ledger behind TLS: a proxy that speaks it stands before the store, as where a server has none."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ledger.errors import LedgerUnavailableError
from ledger.server import Server
from schemas.settings import RedisSettings
from tests.conftest import Store
from tests.fakes.authorities import Authority, Identity

pytestmark = pytest.mark.broker


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority", "ours")


@asynccontextmanager
async def proxied(store: Store, server: Identity, clients_of: Authority | None = None) -> AsyncIterator[int]:
    """The port at which the store is reached over TLS; `clients_of`: it asks for a certificate of theirs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.certificate, server.key)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of.certificate)
    behind = urlsplit(store.url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(behind.hostname, behind.port)
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

    listening = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def answers(port: int, host: str = "127.0.0.1", **files: Path) -> None:
    """A script runs on the server.

    Raises:
        LedgerUnavailableError: it cannot be reached so.
    """
    server = Server(RedisSettings(url=f"rediss://{host}:{port}/0", timeout_seconds=5, **files))
    try:
        assert await server.run("view_get", "m") is not None
    finally:
        await server.stop()


async def test_the_server_is_who_our_authority_says(valkey: Store, authority: Authority) -> None:
    async with proxied(valkey, authority.identity("server")) as port:
        await answers(port, ssl_ca_file=authority.certificate)


async def test_whom_nobody_vouches_for_is_not_spoken_to(
    valkey: Store, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other", "theirs")
    async with proxied(valkey, authority.identity("server")) as port:
        with pytest.raises(LedgerUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await answers(port, ssl_ca_file=other.certificate)
        # Of itself this machine trusts no authority of a test.
        with pytest.raises(LedgerUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await answers(port)


async def test_a_certificate_is_its_hosts_alone(valkey: Store, authority: Authority) -> None:
    async with proxied(valkey, authority.identity("server", "127.0.0.2")) as port:
        with pytest.raises(LedgerUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await answers(port, ssl_ca_file=authority.certificate)


async def test_who_is_asked_for_a_certificate_shows_it(valkey: Store, authority: Authority) -> None:
    ours = authority.identity("dispatchers", None)
    async with proxied(valkey, authority.identity("server"), clients_of=authority) as port:
        with pytest.raises(LedgerUnavailableError):
            await answers(port, ssl_ca_file=authority.certificate)
        await answers(
            port,
            ssl_ca_file=authority.certificate,
            ssl_certificate_file=ours.certificate,
            ssl_key_file=ours.key,
        )
