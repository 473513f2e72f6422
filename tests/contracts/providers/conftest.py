"""A capture server and the environment with the secrets of `rigs.account`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from dispatchers.port import ProviderPort
from dispatchers.providers import connect
from schemas.provider import Provider
from schemas.settings import DispatchSettings
from tests.contracts.providers import rigs
from tests.contracts.providers.capture import Capture, capture


@pytest.fixture
async def server() -> AsyncIterator[Capture]:
    async with capture() as found:
        yield found


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in rigs.secrets().items():
        monkeypatch.setenv(name, value)


Connect = Callable[..., ProviderPort]


@pytest.fixture
async def connected(server: Capture) -> AsyncIterator[Connect]:
    """Adapters of accounts at the capture server, or elsewhere; closed after the test."""
    async with AsyncExitStack() as stack:

        def connect_to(
            provider: Provider, http: DispatchSettings = rigs.HTTP, url: str | None = None
        ) -> ProviderPort:
            port = connect(rigs.account(provider, url or server.url), http)
            stack.push_async_callback(port.close)
            return port

        yield connect_to
