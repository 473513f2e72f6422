"""Random histories of two messages' claims, by two dispatchers and their owner, against docs/protocol.md."""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Again, Ask, Cancel, Looked, Own, Refused, Sending, Won
from schemas.settings import RedisSettings
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED, epoch_name, publish_epoch
from tests.contracts.ledger.reference import Reference

pytestmark = pytest.mark.broker

T = TypeVar("T")
FAR = 4_000_000_000_000
#: A hold that has passed when its script ends, and one that does not pass while a test runs.
OVER, LONG = -1, 600_000
IDS = st.sampled_from(["one", "other"])
ATTEMPTS = st.integers(1, 3)
#: Few, so that the same hand-over asks, loses, closes and retries again.
NONCES = st.sampled_from(["a", "b"])
RECORDS = st.sampled_from(["t:0:1", "t:0:2"])


class Claims(RuleBasedStateMachine):
    """Two dispatchers, each known by its nonce, do whatever they like, in any order and repetition."""

    at: ClassVar[RedisSettings]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.ledger = Ledger(self.at)
        self.model = {"one": Reference(), "other": Reference()}
        self.between = 0

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.do(self.ledger.stop())
        self.runner.close()

    @initialize()
    def start(self) -> None:
        """`between` lies after every hold that is over, and before every one that is not."""
        self.between = self.do(self.wipe()) + LONG // 2

    async def wipe(self) -> int:
        """An empty ledger; the server's time."""
        async with Redis.from_url(self.at.url) as redis:
            await redis.flushdb()
            await publish_epoch(self.ledger)
            seconds, _ = await redis.time()
            return int(seconds) * 1000

    async def noted(self) -> list[Any]:
        """What the figures take to be under way."""
        async with Redis.from_url(self.at.url) as redis:
            return await redis.zrange(f"helio:{await epoch_name(redis)}:sending", 0, -1)

    @rule(
        id_=IDS, attempt=ATTEMPTS, how=st.sampled_from(How), nonce=NONCES, record=RECORDS,
        hold=st.sampled_from([OVER, LONG]),
    )  # fmt: skip
    def claim(self, *, id_: str, attempt: int, how: How, nonce: str, record: str, hold: int) -> None:
        ask = Ask(
            message_id=id_, attempt=attempt, how=how, nonce=nonce, record=record, segments=1, paces=(),
            valid_until=FAR, forget_at=FAR, hold_ms=hold,
        )  # fmt: skip
        [found] = self.do(self.ledger.claim([ask]))
        model = self.model[id_]
        if model.asked(attempt, how, nonce, record, found.until if isinstance(found, Won) else 0):
            assert isinstance(model.claim, Sending)
            assert found == Won(model.claim.until)
        else:
            assert found == Refused(model.claim)
        self.compare()

    @rule(id_=IDS, attempt=ATTEMPTS, nonce=NONCES)
    def close(self, id_: str, attempt: int, nonce: str) -> None:
        self.do(self.ledger.close([Own(id_, attempt, nonce, FAR)]))
        self.model[id_].closed(attempt, nonce)
        self.compare()

    @rule(id_=IDS, attempt=ATTEMPTS, nonce=NONCES)
    def lose(self, id_: str, attempt: int, nonce: str) -> None:
        found = self.do(self.ledger.lose([Own(id_, attempt, nonce, FAR)]))
        assert found == [self.model[id_].lost(nonce)]
        self.compare()

    @rule(id_=IDS, attempt=ATTEMPTS, nonce=NONCES, record=RECORDS)
    def reopen(self, id_: str, attempt: int, nonce: str, record: str) -> None:
        found = self.do(self.ledger.reopen([Again(Own(id_, attempt, nonce, FAR), record, TRIED)]))
        assert found == [self.model[id_].reopened(attempt, nonce, record)]
        self.compare()

    @rule(id_=IDS)
    def cancel(self, id_: str) -> None:
        assert self.do(self.ledger.cancel([Cancel(id_, FAR)])) == [self.model[id_].cancelled()]
        self.compare()

    @rule(id_=IDS)
    def take_over(self, id_: str) -> None:
        found = self.do(self.ledger.take_over([id_]))
        self.model[id_].taken_over(self.between)
        assert found == [self.model[id_].claim]
        self.compare()

    def compare(self) -> None:
        claims = [model.claim for model in self.model.values()]
        held = {id_.encode() for id_, model in self.model.items() if isinstance(model.claim, Sending)}
        assert set(self.do(self.noted())) == held
        expected = [Looked(c, isinstance(c, Sending) and c.until < self.between) for c in claims]
        assert self.do(self.ledger.look(list(self.model))) == expected


def test_scripts_decide_as_the_rules_say(settings_: RedisSettings) -> None:
    run_state_machine_as_test(
        type("Here", (Claims,), {"at": settings_}),
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
