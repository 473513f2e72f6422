"""Since when endpoints have only failed: the one in memory and the real one keep one contract."""

from typing import Protocol

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.subscriptions import FAILING_MS, Failing, News
from tests.fakes.failing import MemoryFailing


class Noted(Protocol):
    async def note(self, news: list[News], /) -> list[int]: ...


@pytest.fixture(params=["memory", "real"])
def failing(request: pytest.FixtureRequest, empty: Ledger) -> Noted:
    return MemoryFailing() if request.param == "memory" else Failing(empty.server)


async def test_since_the_first_failure(failing: Noted) -> None:
    assert await failing.note([News("a", failed_at=100)]) == [100]
    assert await failing.note([News("a", failed_at=200), News("b", failed_at=150)]) == [100, 150]


async def test_nothing_but_failures(failing: Noted) -> None:
    await failing.note([News("a", failed_at=100)])
    assert await failing.note([News("a", answered_at=150)]) == [0]
    assert await failing.note([News("a", failed_at=200)]) == [200]
    assert await failing.note([News("a", answered_at=250, failed_at=260)]) == [260]


async def test_to_ask_changes_nothing(empty: Ledger) -> None:
    failing = Failing(empty.server)
    await failing.note([News("a", failed_at=100)])
    for _ in range(2):
        assert await failing.since(["a", "b"]) == [100, 0]
    assert await failing.note([News("b", failed_at=150)]) == [150]


async def test_an_answer_from_before_the_failure_does_not_count(failing: Noted) -> None:
    """Another process tells late of what it heard before."""
    await failing.note([News("a", failed_at=100)])
    assert await failing.note([News("a", answered_at=50)]) == [100]


async def test_told_twice_is_told_once(failing: Noted) -> None:
    for _ in range(2):
        assert await failing.note([News("a", answered_at=50, failed_at=100)]) == [100]


async def test_no_news(failing: Noted) -> None:
    assert await failing.note([]) == []


async def test_who_is_not_tried_for_long_is_forgotten(empty: Ledger, redis: Redis) -> None:
    real = Failing(empty.server)
    await real.note([News("a", failed_at=100)])
    await redis.pexpire("helio:failing:a", 5_000)
    await real.note([News("a", failed_at=200)])
    assert FAILING_MS - 60_000 < await redis.pttl("helio:failing:a") <= FAILING_MS
