"""The clinic: an organization with use cases, on the stack of all end-to-end tests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from cli.local.setup import prepare
from cli.local.stack import Stack
from directory.apply import apply
from schemas.settings import KafkaSettings, TopicSettings
from tests.e2e.caller import Api
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel

_NUMBERS = count(2_100_000)


@dataclass(frozen=True)
class Clinic:
    """Its directory as it was applied; `change` applies another."""

    kafka: KafkaSettings
    organizations: dict[str, Any]

    async def apply(self, text: str) -> None:
        """Return when the directory says what `text` does; services follow within a moment."""
        await apply(self.kafka, text, now=time.time_ns() // 1_000_000)

    @asynccontextmanager
    async def change(self, kind: str, name: str, **fields: Any) -> AsyncIterator[None]:
        """An entity with other fields, for as long as the block lasts."""
        entity = self.organizations[pools.ORGANIZATION][kind][name]
        await self.apply(pools.changed(kind, name, entity, **fields))
        try:
            yield
        finally:
            await self.apply(pools.changed(kind, name, entity))


@pytest.fixture(scope="session")
def clinic(stack: Stack) -> Clinic:
    """Its directory, applied."""
    made = Clinic(
        KafkaSettings(bootstrap_servers=stack.run.kafka), pools.organizations(stack.home, datetime.now(UTC))
    )
    asyncio.run(prepare(made.kafka, TopicSettings(), pools.directory(made.organizations)))
    return made


@pytest.fixture
async def channel(clinic: Clinic, api: Api) -> Channel:  # noqa: ARG001  its key is in its directory
    """The channel API as the clinic sees it."""
    caller = api.as_(pools.KEY)
    await caller.known()
    return Channel(caller)


@pytest.fixture
def person() -> Callable[..., str]:
    """Makes handsets' numbers that no other test has texted; by area code, Boston if none is given."""
    return lambda area_code="617": f"+1{area_code}{next(_NUMBERS)}"
