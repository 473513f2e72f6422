"""Random histories of messages' claims, by two dispatchers and their owner, against docs/protocol.md."""

from dataclasses import dataclass, field
from itertools import product
from random import Random

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import (
    Absent,
    Again,
    Ask,
    Cancel,
    Claim,
    Closed,
    Looked,
    Open,
    Own,
    Refused,
    Sending,
    Won,
)
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED, epoch_name, publish_epoch
from tests.contracts.ledger.reference import Reference

pytestmark = pytest.mark.broker

FAR = 4_000_000_000_000
#: A hold that has passed when its script ends, and one that does not pass while a test runs.
OVER, LONG = -1, 600_000
HISTORIES, STEPS = 25, 50
RECORDS = ("t:0:1", "t:0:2")
#: What is asked; claims most often, for all else needs them.
ASKED = ("claim", "claim", "claim", "close", "lose", "reopen", "reopen", "cancel", "take_over")


@dataclass
class History:
    """Two dispatchers, each known by its nonce, and an owner do whatever they like, in any order."""

    ledger: Ledger
    redis: Redis
    epoch: str
    random: Random
    #: After every hold that is over, and before every one that is not.
    between: int
    #: What was asked of which claims, over all histories.
    met: set[tuple[str, type[Claim]]]
    model: dict[str, Reference] = field(default_factory=lambda: {"one": Reference(), "other": Reference()})

    async def step(self) -> None:
        """One script for one message: what it answers, and what all claims have become."""
        asked, id_ = self.random.choice(ASKED), self.random.choice(tuple(self.model))
        model = self.model[id_]
        self.met.add((asked, type(model.claim)))
        own = Own(id_, self.attempt(model.claim), self.nonce(model.claim), FAR)
        record = self.random.choice(RECORDS)
        match asked:
            case "claim":
                await self.claim(own, record)
            case "close":
                await self.ledger.close([own])
                model.closed(own.attempt, own.nonce)
            case "lose":
                assert await self.ledger.lose([own]) == [model.lost(own.nonce)]
            case "reopen":
                found = await self.ledger.reopen([Again(own, record, TRIED)])
                assert found == [model.reopened(own.attempt, own.nonce, record)]
            case "cancel":
                asked_of = Cancel(id_, own.attempt, FAR)
                assert await self.ledger.cancel([asked_of]) == [model.cancelled(own.attempt)]
            case "take_over":
                found_now = await self.ledger.take_over([id_])
                model.taken_over(self.between)
                assert found_now == [model.claim]
        await self.compare()

    async def claim(self, own: Own, record: str) -> None:
        how, hold = self.random.choice(tuple(How)), self.random.choice((OVER, LONG))
        ask = Ask(
            message_id=own.message_id, attempt=own.attempt, how=how, nonce=own.nonce, record=record,
            segments=1, paces=(), valid_until=FAR, forget_at=FAR, hold_ms=hold,
        )  # fmt: skip
        [found] = await self.ledger.claim([ask])
        model = self.model[own.message_id]
        if model.asked(own.attempt, how, own.nonce, record, found.until if isinstance(found, Won) else 0):
            assert isinstance(model.claim, Sending)
            assert found == Won(model.claim.until)
        else:
            assert found == Refused(model.claim)

    async def compare(self) -> None:
        claims = [model.claim for model in self.model.values()]
        expected = [Looked(c, isinstance(c, Sending) and c.until < self.between) for c in claims]
        assert await self.ledger.look(list(self.model)) == expected
        # What the figures take to be under way.
        noted = await self.redis.zrange(f"helio:{self.epoch}:sending", 0, -1)
        assert set(noted) == {id_.encode() for id_, m in self.model.items() if isinstance(m.claim, Sending)}

    def attempt(self, claim: Claim) -> int:
        """Mostly one that the claim is about, else whichever."""
        if isinstance(claim, Absent) or self.random.random() < 0.3:
            return self.random.randint(1, 3)
        return claim.attempt + self.random.choice((0, 0, 1))

    def nonce(self, claim: Claim) -> str:
        """Mostly that of whoever has the claim, so that the same hand-over asks again."""
        if isinstance(claim, Sending | Closed) and claim.nonce and self.random.random() < 0.5:
            return claim.nonce
        return self.random.choice(("a", "b"))


async def test_scripts_decide_as_the_rules_say(ledger: Ledger, redis: Redis) -> None:
    met: set[tuple[str, type[Claim]]] = set()
    seconds, _ = await redis.time()
    for seed in range(HISTORIES):
        await redis.flushdb()
        await publish_epoch(ledger)
        between = int(seconds) * 1000 + LONG // 2
        history = History(ledger, redis, await epoch_name(redis), Random(seed), between, met)
        for _ in range(STEPS):
            await history.step()
    # Else they went past what they are about.
    assert met == set(product(ASKED, (Absent, Open, Sending, Closed)))
