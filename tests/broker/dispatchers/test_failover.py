"""Failover on the real ledger and broker: to another sender, and only what provably was not handed over.

`route` is played by the test: it hands the task on to the pool's other number, as `streams.routing` does.
"""

import asyncio
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from dispatchers.port import Handover
from ledger.claims import Closed, Open
from schemas import failpoints
from schemas.directory import Number, UseCase
from schemas.facts import AmbiguousFact, OutcomeFact
from schemas.failpoints import Point
from schemas.messages import Failover
from schemas.provider import Ambiguous, Fault, Outcome, Rejected, Unavailable
from schemas.tasks import Task
from tests.broker.dispatchers.bench import PARTITION, Bench, directory
from tests.fakes.provider import accept

pytestmark = pytest.mark.broker

USE_CASE = "6d4a1e0e-6a43-4d0e-9f0c-6f3f4f0d5a11"
SPARE = "+447700900123"
REFUSED = Rejected(fault=Fault.SENDER, code="21606", detail="not a number of the account")


@pytest.fixture
def pool(bench: Bench) -> Bench:
    """A use case with two senders, which need no registration, each on an account of its own."""
    bench.sender = f"+4477{uuid4().int % 10**8:08}"
    account = directory(bench.sender, bench.rate).account("tw")
    assert account is not None
    bench.directory = directory(
        bench.sender,
        bench.rate,
        account.model_copy(update={"id": "spare"}),
        Number(organization="acme", id=SPARE, account="spare", rate=bench.rate),
        UseCase(organization="acme", id=UUID(USE_CASE), name="News", numbers=(bench.sender, SPARE)),
    )
    return bench


@pytest.fixture
def _points() -> Iterator[None]:
    yield
    failpoints.on_reached(lambda _: None)


def routed_anew(failover: Failover) -> Task:
    task = failover.task
    return task.model_copy(update={"account": "spare", "sender": SPARE})


def only_spare(handover: Handover) -> Outcome:
    return accept(handover) if handover.task.account == "spare" else Unavailable(detail="no route to host")


async def claim_of(bench: Bench, task: Task) -> object:
    return (await bench.ledger.look([task.message_id]))[0].claim


async def test_what_an_account_cannot_hand_over_three_times_goes_out_through_another(pool: Bench) -> None:
    pool.provider.answer = only_spare
    sent = pool.task(use_case_id=USE_CASE)
    async with pool.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await pool.until(lambda: dispatcher.committed == 1)
        (failover,) = pool.failovers()
        record = f"{PARTITION[0]}:0:0"
        assert (failover.task.attempt, str(failover.task.record)) == (4, record)
        assert failover.task.tried_accounts == ("tw",)
        assert await claim_of(pool, sent) == Open(4, record, maybe_sent=False)
        # `route` may repeat it, and so may a crash of whoever wrote it.
        for offset in (1, 2):
            dispatcher.read(offset, routed_anew(failover))
        await pool.until(lambda: dispatcher.committed == 3)
    assert [(post.task.account, post.task.attempt) for post in pool.provider.posts] == [("spare", 4)]
    outcomes = [(f.account, f.outcome.kind) for f in pool.facts() if isinstance(f, OutcomeFact)]
    assert outcomes == [*[("tw", "unavailable")] * 3, ("spare", "accepted")]
    assert await claim_of(pool, sent) == Closed("sent", 4)


async def test_a_refused_sender_is_left_at_once_and_nothing_ends(pool: Bench) -> None:
    pool.provider.answer = lambda handover: REFUSED if handover.task.account == "tw" else accept(handover)
    sent = pool.task(use_case_id=USE_CASE)
    async with pool.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await pool.until(lambda: dispatcher.committed == 1)
        (failover,) = pool.failovers()
        # Its account may have other numbers that are not refused.
        assert (failover.task.attempt, failover.task.tried_accounts) == (2, ())
        dispatcher.read(1, routed_anew(failover))
        await pool.until(lambda: dispatcher.committed == 2)
    said = [(f.attempt, f.outcome.kind, f.again) for f in pool.facts() if isinstance(f, OutcomeFact)]
    assert said == [(1, "rejected", True), (2, "accepted", False)]
    assert await claim_of(pool, sent) == Closed("sent", 2)


async def test_a_refusal_is_the_end_where_route_has_no_other_sender(pool: Bench) -> None:
    """It comes back as it is, and its sender is among those that have refused it."""
    pool.provider.answer = lambda _: REFUSED
    sent = pool.task(use_case_id=USE_CASE)
    async with pool.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await pool.until(lambda: dispatcher.committed == 1)
        (failover,) = pool.failovers()
        # `route` hands it on as it is.
        dispatcher.read(1, failover.task)
        await pool.until(lambda: dispatcher.committed == 2)
    assert len(pool.failovers()) == 1
    said = [(f.attempt, f.outcome.kind, f.again) for f in pool.facts() if isinstance(f, OutcomeFact)]
    assert said == [(1, "rejected", True), (2, "rejected", False)]
    assert await claim_of(pool, sent) == Closed("sent", 2)


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        (Ambiguous(detail="the connection was lost"), {"use_case_id": USE_CASE}),
        (Rejected(fault=Fault.RECIPIENT, detail="no such number"), {"use_case_id": USE_CASE}),
        (Rejected(fault=Fault.CONTENT, detail="refused"), {"use_case_id": USE_CASE}),
        (Rejected(fault=Fault.OPTED_OUT, detail="STOP"), {"use_case_id": USE_CASE}),
        (REFUSED, {}),
        (REFUSED, {"use_case_id": USE_CASE, "confirms": True}),
    ],
    ids=["unknown", "recipient", "content", "opted out", "from a number", "confirms"],
)
async def test_what_may_have_been_sent_and_what_no_other_sender_changes_stays(
    pool: Bench, outcome: Outcome, changes: dict[str, object]
) -> None:
    pool.provider.answer = lambda _: outcome
    # A handset of its own: the provider's opt-out code writes one for it, which outlives this test.
    task = pool.task(to_number=f"+1415{uuid4().int % 10**7:07}", **changes)
    async with pool.dispatcher() as dispatcher:
        dispatcher.read(0, task)
        await pool.until(lambda: dispatcher.committed == 1)
    assert pool.failovers() == []
    assert len(pool.provider.posts) == 1
    assert isinstance(await claim_of(pool, task), Closed)


@pytest.mark.usefixtures("_points")
@pytest.mark.parametrize("point", [Point.DISPATCH_REOPENED, Point.DISPATCH_FAILED_OVER])
async def test_who_dies_amid_a_failover_leaves_copies_of_which_one_is_sent(pool: Bench, point: Point) -> None:
    pool.provider.answer = lambda handover: REFUSED if handover.task.account == "tw" else accept(handover)
    sent, died = pool.task(use_case_id=USE_CASE), asyncio.Event()

    def die(reached: Point) -> None:
        if reached is point:
            died.set()
            raise asyncio.CancelledError

    failpoints.on_reached(die)
    async with pool.dispatcher() as killed:
        killed.read(0, sent)
        await asyncio.wait_for(died.wait(), 20)
        assert killed.committed == 0
    failpoints.on_reached(lambda _: None)
    async with pool.dispatcher() as other:
        other.read(0, sent)
        await pool.until(lambda: other.committed == 1)
        copies = [routed_anew(one) for one in pool.failovers()]
        for offset, copy in enumerate(copies, 1):
            other.read(offset, copy)
        await pool.until(lambda: other.committed == 1 + len(copies))
    taken = [post for post in pool.provider.posts if post.task.account == "spare"]
    assert len(taken) == 1
    accepted = [f for f in pool.facts() if isinstance(f, OutcomeFact) and f.outcome.kind == "accepted"]
    assert [(f.account, f.sender) for f in accepted] == [("spare", SPARE)]


async def test_whoever_finds_an_unknown_attempt_names_the_account_that_made_it(pool: Bench) -> None:
    """Its own record was read again, for its commit was lost; the attempt was another sender's copy."""
    pool.provider.answer = lambda handover: REFUSED if handover.task.account == "tw" else accept(handover)
    sent = pool.task(use_case_id=USE_CASE)
    async with pool.dispatcher() as first:
        first.read(0, sent)
        await pool.until(lambda: first.committed == 1)
    (failover,) = pool.failovers()
    pool.provider.answering.clear()
    async with pool.dispatcher() as killed:
        killed.read(1, routed_anew(failover))
        await pool.until(lambda: len(pool.provider.posts) == 2)
    pool.provider.answering.set()
    async with pool.dispatcher() as other:
        other.read(0, sent)
        await pool.until(lambda: other.committed == 1, seconds=30)
    (lost,) = [fact for fact in pool.facts() if isinstance(fact, AmbiguousFact)]
    assert (lost.attempt, lost.account, lost.sender) == (2, "spare", SPARE)
    assert lost.nonces == (pool.provider.posts[1].nonce,)
