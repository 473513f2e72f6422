"""What hand-overs teach about a provider reaches the claims of all dispatchers."""

import pytest

from dispatchers.port import Handover
from schemas.facts import AmbiguousFact, OutcomeFact
from schemas.provider import Ambiguous, Outcome, Throttled
from tests.broker.dispatchers.bench import OTHER, Bench
from tests.fakes.provider import accept

pytestmark = pytest.mark.broker

#: What it takes to open a breaker (docs/ledger.md).
LEAST = 10


async def test_an_account_that_answers_nothing_is_left_alone_until_it_does(bench: Bench) -> None:
    """Two dispatchers: what one of them learned holds the other back, too."""
    hangs = True

    def answer(handover: Handover) -> Outcome:
        return Ambiguous(detail="no answer") if hangs else accept(handover)

    bench.provider.answer = answer
    async with bench.dispatcher() as first, bench.dispatcher() as second:
        for offset in range(2 * LEAST):
            first.read(offset, bench.task())
        await bench.until(lambda: facts(bench, AmbiguousFact) >= LEAST)
        await bench.until(lambda: not first.hand_over.busy)
        tried = len(bench.provider.posts)
        for offset in range(5):
            second.read(offset, bench.task())
        await bench.until(second.window.standing)
        assert (await bench.ledger.health()).not_closed.keys() == {"tw"}
        # A probe at a time is all that goes, after ever longer pauses.
        assert len(bench.provider.posts) < tried + 5
        hangs = False
        await bench.until(lambda: first.committed == 2 * LEAST and second.committed == 5, 60)
    assert (await bench.ledger.health()).not_closed == {}
    # Each was tried once: an unknown one is not sent again, and what waited has lost nothing.
    assert len(bench.provider.posts) == 2 * LEAST + 5


async def test_a_retry_after_holds_its_number(bench: Bench) -> None:
    throttle = True

    def answer(handover: Handover) -> Outcome:
        if throttle and handover.task.sender == bench.sender:
            return Throttled(code="21611", detail="queue full", retry_after=3600)
        return accept(handover)

    bench.provider.answer = answer
    async with bench.dispatcher() as one:
        one.read(0, bench.task())
        await bench.until(lambda: facts(bench, OutcomeFact))
        found = await bench.ledger.health()
        assert found.slowed.keys() == {f"number:{bench.sender}"}
        other = bench.task(sender=OTHER)
        one.read(1, other)
        await bench.until(lambda: any(post.task is other for post in bench.provider.posts))
        throttle = False
        # An hour was asked for; it counts within two steps of ours.
        await bench.until(lambda: one.committed == 2)
    assert [fact.outcome.kind for fact in bench.facts() if isinstance(fact, OutcomeFact)].count(
        "accepted"
    ) == 2


def facts(bench: Bench, kind: type[AmbiguousFact] | type[OutcomeFact]) -> int:
    return sum(isinstance(fact, kind) for fact in bench.facts())
