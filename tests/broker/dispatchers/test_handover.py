"""The hand-over protocol on the real ledger and broker: what is sent, said and claimed, crashes included."""

import asyncio

import pytest
import redis.asyncio

from dispatchers.port import Handover
from ledger.claims import Absent, Closed, Open, Via
from schemas.attempts import shown
from schemas.facts import AmbiguousFact, ClosedWhy, OutcomeFact
from schemas.facts import Closed as ClosedFact
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Rejected, Throttled, Unavailable
from schemas.tasks import Task
from schemas.waiting import Ticket
from tests.broker.dispatchers.bench import PARTITION, QUICK, Bench, Dispatcher, now
from tests.conftest import Store
from tests.fakes.provider import accept

pytestmark = pytest.mark.broker


async def claim_of(bench: Bench, asked: Task) -> object:
    return (await bench.ledger.look([asked.message_id]))[0].claim


async def wipe(url: str) -> None:
    async with redis.asyncio.from_url(url) as client:
        await client.flushall()


async def test_intent_then_call_then_fact_then_closed(bench: Bench) -> None:
    sent = bench.task()
    seen: list[int] = []

    def answer(handover: Handover) -> Outcome:
        seen.append(len(bench.intents()))
        return accept(handover)

    bench.provider.answer = answer
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
    assert seen == [1]  # the intent was acknowledged before the provider was called
    (intents,) = bench.intents()
    (post,) = bench.provider.posts
    assert intents.intents[0].nonce == post.nonce
    (fact,) = bench.facts()
    assert isinstance(fact, OutcomeFact)
    assert isinstance(fact.outcome, Accepted)
    assert fact.nonce == post.nonce
    assert await claim_of(bench, sent) == Closed("sent", 1)


async def test_a_repeated_task_is_not_sent_again(bench: Bench) -> None:
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
        dispatcher.read(1, sent)
        await bench.until(lambda: dispatcher.committed == 2)
    assert len(bench.provider.posts) == 1
    assert len(bench.facts()) == 1


async def test_a_refusal_is_a_fact_and_the_end(bench: Bench) -> None:
    bench.provider.answer = lambda _: Rejected(fault=Fault.RECIPIENT, code="21211", detail="no such number")
    refused = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, refused)
        await bench.until(lambda: dispatcher.committed == 1)
    (fact,) = bench.facts()
    assert isinstance(fact, OutcomeFact)
    assert isinstance(fact.outcome, Rejected)
    assert len(bench.provider.posts) == 1


async def test_what_never_left_is_tried_again_as_the_next_attempt(bench: Bench) -> None:
    attempts: list[int] = []

    def answer(handover: Handover) -> Outcome:
        attempts.append(handover.task.attempt)
        return Unavailable(detail="refused") if len(attempts) < 3 else accept(handover)

    bench.provider.answer = answer
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
    assert attempts == [1, 2, 3]
    assert [f.outcome.kind for f in bench.facts() if isinstance(f, OutcomeFact)] == [
        "unavailable",
        "unavailable",
        "accepted",
    ]
    assert len({i.nonce for batch in bench.intents() for i in batch.intents}) == 3


async def test_an_attempt_looks_the_same_in_the_ledger_and_once_its_fact_is_told(bench: Bench) -> None:
    bench.step = 1  # time goes on between what is noted and what is written
    refusals: list[Outcome] = [Throttled(code="20429"), Unavailable(detail="refused")]
    bench.provider.answer = lambda handover: refusals.pop() if refusals else accept(handover)
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
    facts = [fact for fact in bench.facts() if isinstance(fact, OutcomeFact)]
    tries = (await bench.ledger.get(sent.message_id)).tries
    assert [one.number for one in tries] == [1, 2]
    assert tries == tuple(map(shown, facts[:2]))


async def test_a_long_pause_is_spent_in_the_waiting_topics(bench: Bench) -> None:
    bench.settings = QUICK.model_copy(update={"retry_first_seconds": 30.0})
    bench.provider.answer = lambda _: Throttled(code="20429", retry_after=40)
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(7, sent)
        await bench.until(lambda: dispatcher.committed == 8)
    (waiting,) = [r for r in bench.written if r.topic == "sms.waiting.10s.v1"]
    ticket, again = Ticket.read(waiting.headers), Task.decode(waiting.value)
    assert (ticket.topic, ticket.key) == (PARTITION[0], bench.sender.encode())
    assert (again.attempt, str(again.record)) == (2, f"{PARTITION[0]}:0:7")
    assert again.not_before == ticket.due
    assert await claim_of(bench, sent) == Open(2, str(again.record), maybe_sent=False)


async def test_what_may_have_been_sent_is_named_unknown_and_never_sent_again(bench: Bench) -> None:
    bench.provider.answer = lambda _: Ambiguous(detail="the connection was lost")
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
        dispatcher.read(1, sent)
        await bench.until(lambda: dispatcher.committed == 2)
    facts = bench.facts()
    assert [type(f) for f in facts] == [AmbiguousFact, AmbiguousFact]  # said again, in case it was not
    assert len(bench.provider.posts) == 1
    nonce = bench.provider.posts[0].nonce
    via = Via(sent.provider, sent.account, sent.sender)
    assert await claim_of(bench, sent) == Closed("unknown", 1, nonce, via)


async def test_a_call_that_a_kill_interrupts_is_taken_over_as_unknown(bench: Bench) -> None:
    bench.provider.answering.clear()
    sent = bench.task()
    async with bench.dispatcher() as killed:
        killed.read(0, sent)
        await bench.until(lambda: bench.provider.posts)
    bench.provider.answering.set()
    async with bench.dispatcher() as other:
        other.read(0, sent)
        await bench.until(lambda: other.committed == 1, seconds=30)
    assert len(bench.provider.posts) == 1
    (fact,) = bench.facts()
    assert isinstance(fact, AmbiguousFact)
    assert fact.nonces == (bench.provider.posts[0].nonce,)


async def test_who_loses_the_ledger_amid_a_call_does_not_send_twice(bench: Bench, valkey: Store) -> None:
    bench.provider.answering.clear()
    sent, waiting = bench.task(), bench.task()
    async with bench.dispatcher() as killed:
        killed.read(0, sent)
        await bench.until(lambda: bench.provider.posts)
    await wipe(valkey.url)
    bench.provider.answering.set()
    async with bench.dispatcher() as other:
        other.read(0, sent)
        other.read(1, waiting)
        await bench.until(lambda: other.committed == 2)
    posted = [post.task.message_id for post in bench.provider.posts]
    assert posted == [sent.message_id, waiting.message_id]
    assert any(isinstance(f, AmbiguousFact) and f.message_id == sent.message_id for f in bench.facts())


async def test_an_answer_after_the_loss_closes_what_the_rebuild_called_unknown(
    bench: Bench, valkey: Store
) -> None:
    bench.provider.answering.clear()
    sent, other = bench.task(), bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: len(bench.provider.posts) == 1)
        await wipe(valkey.url)
        dispatcher.read(1, other)  # whoever asks first finds the loss, and rebuilds
        await bench.until(lambda: len(bench.provider.posts) == 2)
        bench.provider.answering.set()
        await bench.until(lambda: dispatcher.committed == 2)
    assert await claim_of(bench, sent) == Closed("sent", 1)
    said = [type(f) for f in bench.facts() if f.message_id == sent.message_id]
    assert said == [AmbiguousFact, OutcomeFact]


async def test_what_is_too_late_ends_as_expired(bench: Bench) -> None:
    late = bench.task(valid_until=now() - 1)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, late)
        await bench.until(lambda: dispatcher.committed == 1)
    (fact,) = bench.facts()
    assert isinstance(fact, ClosedFact)
    assert fact.why is ClosedWhy.EXPIRED
    assert bench.provider.posts == []


async def test_a_slow_number_is_paced_and_its_standing_intents_are_good(bench: Bench) -> None:
    bench.rate = 20.0
    async with bench.dispatcher() as dispatcher:
        for offset in range(10):
            dispatcher.read(offset, bench.task())
        await bench.until(lambda: dispatcher.committed == 10)
    intents = [intent.nonce for batch in bench.intents() for intent in batch.intents]
    assert len(intents) == 10  # who waits for a slot writes no second intent
    assert {post.nonce for post in bench.provider.posts} == set(intents)


async def test_a_partition_that_leaves_has_its_standing_intents_voided(bench: Bench) -> None:
    bench.rate = 0.2  # slow enough for the second to stand when the partition leaves
    async with bench.dispatcher() as dispatcher:
        for offset in range(2):
            dispatcher.read(offset, bench.task())
        await bench.until(lambda: len([i for b in bench.intents() for i in b.intents]) == 2)
        await bench.until(lambda: len(bench.provider.posts) == 1)
        dispatcher.hand_over.add_voids(dispatcher.window.revoke([PARTITION]))
        await bench.until(lambda: any(batch.voids for batch in bench.intents()))
    stood = {i.nonce for b in bench.intents() for i in b.intents} - {p.nonce for p in bench.provider.posts}
    assert {v.nonce for b in bench.intents() for v in b.voids} == stood


async def test_a_cancel_that_comes_together_with_the_bell_ends_it(bench: Bench) -> None:
    """`asyncio.wait_for` of Python 3.11 forgets such a cancel: the process would go on."""
    dispatcher = Dispatcher(bench)
    running = asyncio.create_task(dispatcher.hand_over.run())
    dispatcher.read(0, bench.task())
    dispatcher.read(1, bench.task(not_before=now() + 50_000))  # so that it waits for the clock, too
    await bench.until(lambda: dispatcher.committed == 1)
    for _ in range(100):
        await asyncio.sleep(0)  # until it waits for the bell, with nothing else to do
    dispatcher.hand_over.bell.set()
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=20)
    assert done


async def test_a_stop_lets_what_is_in_flight_finish_and_takes_nothing_new(bench: Bench) -> None:
    bench.provider.answering.clear()
    first, second = bench.task(), bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, first)
        await bench.until(lambda: bench.provider.posts)
        dispatcher.hand_over.stop_taking()
        dispatcher.read(1, second)
        bench.provider.answering.set()
        await bench.until(lambda: dispatcher.committed == 1)
    assert [post.task.message_id for post in bench.provider.posts] == [first.message_id]
    assert await claim_of(bench, second) == Absent()
