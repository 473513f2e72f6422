"""A capture server and the environment with the secrets of `rigs.account`."""

from collections.abc import AsyncIterator

import pytest

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
