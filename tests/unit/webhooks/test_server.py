"""The service behind a real socket: what a provider's client sees that an in-process one does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from cli.local.ports import choose
from schemas.provider import Provider
from schemas.settings import Settings, WebhookSettings
from tests.fakes.callbacks import PUBLIC, good
from tests.fakes.webhooks import Broker
from tests.unit.webhooks.test_app import app_over, at, send
from webhooks.server import Server


@asynccontextmanager
async def served(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    port = choose()
    server = Server(Settings(webhooks=WebhookSettings(port=port)), app_over(broker))
    serving = asyncio.create_task(server.serve())
    transport = httpx.AsyncHTTPTransport(retries=5)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize("size", [3_000, 20_000_000])
async def test_a_callback_that_is_too_large_is_answered_not_cut_off(size: int) -> None:
    broker = Broker()
    async with served(broker) as client:
        for _ in range(3):
            answer = await client.post(at(Provider.TWILIO).removeprefix(PUBLIC), content=b" " * size)
            assert answer.status_code == 413
        assert (await send(client, good(Provider.TWILIO, at(Provider.TWILIO)))).status_code == 204
    assert len(broker.taken) == 1
