"""What is not handed over in time ends as expired then, whatever its pace, and is never sent late."""

import pytest

from dispatchers.port import Handover
from ledger.claims import Closed, Open
from schemas import topics
from schemas.facts import Closed as ClosedFact
from schemas.facts import ClosedWhy, OutcomeFact
from schemas.provider import Accepted, Outcome, Throttled, Unavailable
from schemas.tasks import Task
from schemas.waiting import Ticket
from tests.broker.dispatchers.bench import PARTITION, QUICK, Bench, now
from tests.fakes.provider import accept

pytestmark = pytest.mark.broker


def expired(bench: Bench) -> list[str]:
    """The messages that were told to be expired, each time that they were."""
    return [f.message_id for f in bench.facts() if isinstance(f, ClosedFact) and f.why is ClosedWhy.EXPIRED]


def sent(bench: Bench) -> list[str]:
    return [
        f.message_id for f in bench.facts() if isinstance(f, OutcomeFact) and isinstance(f.outcome, Accepted)
    ]


def intents_of(bench: Bench) -> set[str]:
    return {intent.nonce for batch in bench.intents() for intent in batch.intents}


def told(bench: Bench) -> set[str]:
    return {fact.nonce for fact in bench.facts() if isinstance(fact, OutcomeFact)}


def voids_of(bench: Bench) -> set[str]:
    return {void.nonce for batch in bench.intents() for void in batch.voids}


async def test_a_thousand_behind_a_slow_number_expire_together_and_not_at_its_pace(bench: Bench) -> None:
    bench.rate = 1.0
    valid_until = now() + 4000
    tasks = [bench.task(valid_until=valid_until) for _ in range(1000)]
    async with bench.dispatcher() as dispatcher:
        for offset, one in enumerate(tasks):
            dispatcher.read(offset, one)
        # At one a second this would take a quarter of an hour.
        await bench.until(lambda: dispatcher.committed == 1000, seconds=60)
        # One may win its claim in time and come too late for its call: that is told as unavailable.
        await bench.until(
            lambda: (
                intents_of(bench) - voids_of(bench) == {p.nonce for p in bench.provider.posts} | told(bench)
            )
        )
    posted = [post.task.message_id for post in bench.provider.posts]
    assert 1 <= len(posted) < 100
    assert sorted(sent(bench)) == sorted(posted)
    assert sorted(expired(bench) + posted) == sorted(one.message_id for one in tasks)
    # One waited for its slot, and is voided; one may have been too late for its call.
    assert len(intents_of(bench)) <= len(posted) + 2


async def test_a_late_task_writes_no_intent(bench: Bench) -> None:
    late = bench.task(valid_until=now() - 1)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, late)
        await bench.until(lambda: dispatcher.committed == 1)
    assert expired(bench) == [late.message_id]
    assert bench.intents() == []
    assert (await bench.ledger.look([late.message_id]))[0].claim == Closed("expired", 1)


async def test_a_pause_that_would_end_too_late_ends_with_the_messages_time(bench: Bench) -> None:
    bench.settings = QUICK.model_copy(update={"retry_first_seconds": 60.0})
    bench.provider.answer = lambda _: Throttled(code="20429")
    short = bench.task(valid_until=now() + 2000)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, short)
        await bench.until(lambda: dispatcher.committed == 1)
    assert expired(bench) == [short.message_id]
    assert len(bench.provider.posts) == 1
    assert [r for r in bench.written if r.topic in topics.WAITING.values()] == []


async def test_no_ticket_is_due_after_the_messages_time(bench: Bench) -> None:
    bench.settings = QUICK.model_copy(update={"retry_first_seconds": 600.0})
    bench.provider.answer = lambda _: Throttled(code="20429")
    waiting = bench.task(valid_until=now() + 30_000)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, waiting)
        await bench.until(lambda: dispatcher.committed == 1)
    (record,) = [r for r in bench.written if r.topic in topics.WAITING.values()]
    assert Ticket.read(record.headers).due == waiting.valid_until


async def test_a_task_that_comes_back_from_waiting_too_late_is_expired_at_its_attempt(bench: Bench) -> None:
    bench.provider.answer = lambda _: Unavailable(detail="refused")
    bench.settings = QUICK.model_copy(update={"retry_first_seconds": 60.0})
    first = bench.task(valid_until=now() + 30_000)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, first)
        await bench.until(lambda: dispatcher.committed == 1)
        claim = (await bench.ledger.look([first.message_id]))[0].claim
        assert claim == Open(2, f"{PARTITION[0]}:0:0", maybe_sent=False)
        (record,) = [r for r in bench.written if r.topic in topics.WAITING.values()]
        again = Task.decode(record.value).model_copy(update={"valid_until": now() - 1, "not_before": 0})
        dispatcher.read(1, again)
        await bench.until(lambda: dispatcher.committed == 2)
    assert expired(bench) == [first.message_id]
    assert (await bench.ledger.look([first.message_id]))[0].claim == Closed("expired", 2)


async def test_a_call_does_not_begin_after_the_messages_time(bench: Bench) -> None:
    """The claim was won in time; what came between has used it up."""
    bench.settings = QUICK.model_copy(update={"claim_margin_seconds": 60.0})
    asked: list[Handover] = []

    def answer(handover: Handover) -> Outcome:
        asked.append(handover)
        return Unavailable(detail="refused") if len(asked) == 1 else accept(handover)

    bench.provider.answer = answer
    task = bench.task(valid_until=now() + 1500)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, task)
        await bench.until(lambda: asked)
        assert asked[0].still_mine()
        await bench.until(lambda: now() > task.valid_until)
        assert not asked[0].still_mine()


async def test_the_ledgers_clock_decides(bench: Bench) -> None:
    """Ours is half a minute before it: what is in time by the ledger's is sent."""
    bench.ahead = 30_000
    in_time = bench.task(valid_until=now() + 20_000)
    late = bench.task(valid_until=now() - 1)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, in_time)
        dispatcher.read(1, late)
        await bench.until(lambda: dispatcher.committed == 2)
    assert sent(bench) == [in_time.message_id]
    assert expired(bench) == [late.message_id]


async def test_what_expires_behind_its_pace_does_so_by_the_ledgers_clock(bench: Bench) -> None:
    bench.ahead, bench.rate = 30_000, 0.01
    first, second = bench.task(), bench.task(valid_until=now() + 2000)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, first)
        dispatcher.read(1, second)
        await bench.until(lambda: expired(bench))
    assert expired(bench) == [second.message_id]
    (ended,) = [f for f in bench.facts() if f.message_id == second.message_id]
    assert ended.at - bench.ahead > second.valid_until


async def test_anothers_hand_over_is_left_alone_by_what_comes_late(bench: Bench) -> None:
    bench.provider.answering.clear()
    task = bench.task(valid_until=now() + 1000)
    async with bench.dispatcher() as killed:
        killed.read(0, task)
        await bench.until(lambda: bench.provider.posts)
    bench.provider.answering.set()
    async with bench.dispatcher() as other:
        await bench.until(lambda: now() > task.valid_until)
        other.read(0, task)
        await bench.until(lambda: other.committed == 1, seconds=30)
    assert len(bench.provider.posts) == 1
    assert expired(bench) == []
    assert [f.type for f in bench.facts()] == ["ambiguous.v1"]
