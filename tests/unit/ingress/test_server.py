"""The door behind real sockets: what a client library sees that an in-process one does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from cli.local.ports import choose
from ingress.app import make_app
from ingress.server import Server
from tests.fakes import world
from tests.unit.ingress.test_app import BODY, Door


@asynccontextmanager
async def served(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    server = Server(make_app(door.parts()), "127.0.0.1", choose())
    async with server.beside():
        headers = {"Authorization": f"Bearer {world.KEY}"}
        transport = httpx.AsyncHTTPTransport(retries=5)
        url = f"http://127.0.0.1:{server.config.port}"
        async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as client:
            yield client


@pytest.mark.parametrize("size", [3_000, 20_000_000])
async def test_a_body_that_is_too_large_is_answered_not_cut_off(size: int) -> None:
    async with served(Door()) as client:
        for _ in range(3):
            answer = await client.post("/sms/send", content=b" " * size)
            assert answer.status_code == 413
            assert answer.json()["code"] == "body_too_large"
        assert (await client.post("/sms/send", json=BODY)).status_code == 200


async def test_a_caller_who_goes_away_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with served(Door()) as client:
        await client.get("/livez")
        _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        head = f"POST /sms/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.KEY}\r\n"
        writer.write(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        await writer.drain()
        writer.transport.abort()
        assert (await client.post("/sms/send", json=BODY)).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
