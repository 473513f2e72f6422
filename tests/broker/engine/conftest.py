"""A bench on the shared broker for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.broker.engine.bench import Bench
from tests.conftest import Broker


@pytest.fixture
async def bench(kafka: Broker, tmp_path: Path) -> AsyncIterator[Bench]:
    """Topics are not made yet."""
    async with Bench(kafka.bootstrap_servers, tmp_path) as bench:
        yield bench
