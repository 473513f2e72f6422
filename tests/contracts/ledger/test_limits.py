"""Limits of keys: the same for all processes, by the server's clock."""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.limits import Limit
from schemas.settings import RedisSettings
from tests.contracts.ledger.test_pacing import most_in_a_second

pytestmark = pytest.mark.broker

SLOW = Limit("slow", 0.01, 3)


async def test_a_burst_and_then_a_wait(ledger: Ledger) -> None:
    waits = await ledger.allow([SLOW] * 5)
    assert waits[:3] == [0, 0, 0]
    # One comes every 100 s; who is refused takes nothing.
    assert all(99_000 < wait <= 100_000 for wait in waits[3:])
    [again] = await ledger.allow([SLOW])
    assert 90_000 < again <= 100_000


async def test_limits_do_not_touch_each_other(ledger: Ledger) -> None:
    await ledger.allow([SLOW] * 4)
    assert await ledger.allow([Limit("other", 0.01, 1), SLOW, Limit("third", 0.5, 1)]) == [
        0, pytest.approx(100_000, abs=5_000), 0,
    ]  # fmt: skip


async def test_a_limit_needs_no_epoch_and_is_forgotten_when_it_is_full(empty: Ledger, redis: Redis) -> None:
    assert await empty.allow([SLOW]) == [0]
    left = await redis.pexpiretime("helio:limit:slow") - time.time_ns() // 1_000_000
    assert 90_000 < left <= 110_000


async def test_never_more_than_rate_and_burst_in_any_second(
    ledger: Ledger, redis: Redis, settings_: RedisSettings
) -> None:
    """From several connections, each asking as often as it can, told to wait or not."""
    limit = Limit("shared", 40, 6)
    taken: list[tuple[int, int, str]] = []

    async def micros() -> int:
        seconds, micros = await redis.time()
        return int(seconds) * 1_000_000 + int(micros)

    until = await micros() + 2_500_000

    async def process(client: Ledger, *, patient: bool) -> None:
        script = client.server._scripts["allow"]
        at = 0
        while at < until:
            async with client.server._client.pipeline(transaction=True) as both:
                both.time()
                both.evalsha(script.sha, 0, limit.key, limit.rate, limit.burst)
                (seconds, rest), [wait] = await both.execute()
            at = int(seconds) * 1_000_000 + int(rest)
            if not wait:
                taken.append((at, 1, ""))
            await asyncio.sleep(wait / 1000 if patient else 0.003)

    async with Ledger(settings_) as one, Ledger(settings_) as two, asyncio.timeout(60):
        await ledger.allow([Limit("loads the script", 1, 1)])
        clients = ((ledger, True), (one, False), (two, False))
        await asyncio.gather(*(process(client, patient=patient) for client, patient in clients))
    # The time is read just before the script reads it.
    assert most_in_a_second(sorted(taken)) <= 40 + 6 + 1
    assert len(taken) > 40 + 6
