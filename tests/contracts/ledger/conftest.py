"""A ledger with an epoch, in a database of its own on the shared server."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.lock import Lock
from ledger.server import SCRIPTS, script_text
from schemas.provider import Provider
from schemas.public import Attempt, AttemptOutcome
from schemas.settings import RedisSettings

DATABASE = 11
TRIED = Attempt(
    number=1, at=1, provider=Provider.TWILIO, account="main", sender="+15550100",
    outcome=AttemptOutcome.THROTTLED,
)  # fmt: skip


@pytest.fixture
def settings_(valkey: Any) -> RedisSettings:
    return RedisSettings(url=urlunsplit(urlsplit(valkey.url)._replace(path=f"/{DATABASE}")))


@pytest.fixture
async def redis(settings_: RedisSettings) -> AsyncIterator[Redis]:
    async with Redis.from_url(settings_.url) as client:
        yield client


@pytest.fixture
async def empty(settings_: RedisSettings, redis: Redis) -> AsyncIterator[Ledger]:
    """Wiped: nothing is there, no epoch either."""
    await redis.flushdb()
    async with Ledger(settings_) as client:
        yield client


@pytest.fixture
async def ledger(empty: Ledger) -> Ledger:
    """Its epoch is published: nothing was handed over yet."""
    await publish_epoch(empty)
    return empty


async def epoch_name(redis: Redis) -> str:
    found = await redis.get("helio:epoch")
    assert isinstance(found, bytes)
    return found.decode().split()[0]


async def publish_epoch(ledger: Ledger) -> None:
    lock = await Lock.acquire(ledger.server, 30_000)
    assert isinstance(lock, Lock)
    await lock.publish()


def break_script(ledger: Ledger, script: str, right: str, wrong: str) -> None:
    """As if the script said `wrong` where it says `right`."""
    text = script_text(SCRIPTS[script])
    assert text.count(right) == 1, f"{script} has changed: {right!r} is there {text.count(right)} times"
    ledger.server._scripts[script] = ledger.server._client.register_script(text.replace(right, wrong))
