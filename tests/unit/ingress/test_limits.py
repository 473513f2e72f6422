"""Rates of API keys: what is refused and for how long, and that a ledger that is away refuses nobody."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from ingress import metrics
from ingress.codes import Code
from ingress.limits import RateLimit
from ingress.problems import Problem
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.limits import Limit
from schemas.directory import ApiKey
from tests.fakes import world


def key(rate: float | None = 5, burst: int = 3) -> ApiKey:
    return ApiKey(organization="acme", id="demo", sha256=world.sha256("x"), rate=rate, burst=burst)


class Allows:
    """Answers with `waits`, in turn; keeps what was asked. `error` is for tests to set."""

    def __init__(self, *waits: int) -> None:
        self.waits = list(waits)
        self.asked: list[Limit] = []
        self.error: Exception | None = None

    async def __call__(self, asks: Sequence[Limit]) -> list[int]:
        if self.error is not None:
            raise self.error
        self.asked += asks
        return [self.waits.pop(0) for _ in asks]


async def test_a_key_without_a_rate_asks_nobody() -> None:
    allows = Allows()
    assert await RateLimit(allows).check(key(rate=None)) is None
    assert allows.asked == []


async def test_what_is_within_the_rate_is_taken() -> None:
    allows = Allows(0)
    assert await RateLimit(allows).check(key()) is None
    assert allows.asked == [Limit("demo", 5, 3)]


@pytest.mark.parametrize(
    ("wait_ms", "seconds"), [(1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (9500, "10")]
)
async def test_what_is_beyond_is_told_when(wait_ms: int, seconds: str) -> None:
    problem = await RateLimit(Allows(wait_ms)).check(key())
    assert isinstance(problem, Problem)
    assert problem.code is Code.RATE_LIMITED
    assert problem.response().headers["retry-after"] == seconds
    assert "5 requests per second" in problem.detail


@pytest.mark.parametrize("error", [LedgerUnavailableError("away"), LedgerNotReadyError("not yet")])
async def test_a_ledger_that_is_away_refuses_nobody(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    allows = Allows()
    allows.error = error
    before = metrics.LIMITS_MISSED._value.get()
    with caplog.at_level(logging.WARNING):
        assert await RateLimit(allows).check(key()) is None
    assert "limit.unavailable key=demo" in caplog.text
    assert metrics.LIMITS_MISSED._value.get() == before + 1


async def test_a_ledger_that_hangs_refuses_nobody_either() -> None:
    never = asyncio.Event()

    async def hang(_: Sequence[Limit]) -> list[int]:
        await never.wait()
        raise AssertionError

    assert await RateLimit(hang).check(key()) is None
    never.set()


async def test_what_comes_meanwhile_goes_together() -> None:
    allows = Allows(0, 0, 700)
    limit = RateLimit(allows)
    found = await asyncio.gather(*(limit.check(key()) for _ in range(3)))
    assert [problem is None for problem in found] == [True, True, False]
