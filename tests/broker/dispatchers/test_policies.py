"""Each policy for unknown sends on its whole way: dispatcher, ledger and broker are real, so is the fold.

Deadlines are let out of the waiting topics by hand: what they wait for is time.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
import redis.asyncio

from broker.publish import Outgoing
from dispatchers.port import Handover
from ledger.claims import Closed
from schemas import failpoints, topics
from schemas.facts import (
    AnyFact,
    CancelAsked,
    Deadline,
    Receipt,
    ReceiptStatus,
    Routed,
    decode_fact,
)
from schemas.failpoints import Point
from schemas.messages import Content
from schemas.provider import Ambiguous, Outcome, Throttled
from schemas.public import SettledBy, StatusRecord
from schemas.tasks import How, OnUnknown, Task
from schemas.waiting import Ticket
from streams.folding import Folder
from tests.broker.dispatchers.bench import QUICK, Bench, now
from tests.conftest import Store
from tests.fakes.provider import accept

pytestmark = pytest.mark.broker

#: As soon as the claims' own time allows it.
SETTLING = QUICK.model_copy(update={"settle_seconds": 1.0})


@dataclass
class Fact:
    """A record of `sms.events.v1`, as the fold is handed it."""

    value: bytes | None
    offset: int
    topic: str = topics.EVENTS
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Folding:
    """The fold, over all that the bench has written to the events."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._folder = Folder({}, now)
        self._next = self._offset = 0
        self.statuses: list[StatusRecord] = []
        #: What it has sent again, and is not read yet.
        self.tasks: list[Task] = []

    def __call__(self) -> str:
        """Fold what is new; all the states so far."""
        for record in self._bench.written[self._next :]:
            if record.topic == topics.EVENTS:
                self._folder.handle(Fact(record.value, self._offset), self._emit)
                self._offset += 1
        self._next = len(self._bench.written)
        return " ".join(status.status for status in self.statuses)

    def _emit(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        same_partition: bool = False,
    ) -> None:
        del headers, same_partition
        if topic == topics.STATUS:
            self.statuses.append(StatusRecord.decode(value))
            return
        if topic in topics.WAITING.values():
            return  # put off, as that of a later attempt, whose dispatcher has said the same
        task = Task.decode(value)
        assert (topic, key) == (topics.dispatch(task.provider, task.lane), task.sender.encode())
        self.tasks.append(task)


@pytest.fixture
def folding(bench: Bench) -> Folding:
    bench.settings = SETTLING
    return Folding(bench)


@pytest.fixture
def _points() -> Iterator[None]:
    yield
    failpoints.on_reached(lambda _: None)


def of_task(task: Task) -> dict[str, object]:
    return {"message_id": task.message_id, "organization": task.organization, "forget_at": task.forget_at}


async def say(bench: Bench, *facts: AnyFact) -> None:
    await bench.publish([Outgoing(topics.EVENTS, f.message_id.encode(), f.encode()) for f in facts])


async def routed(bench: Bench, policy: OnUnknown, **changes: object) -> Task:
    """A task as `route` makes it, and its fact."""
    task = bench.task(on_unknown=policy, **changes)
    content = Content(
        from_number=task.sender, to_number=task.to_number, text=task.text, segments=1, fingerprint="1:a",
        accepted_at=now(),
    )  # fmt: skip
    attempt = {"attempt": 1, "provider": task.provider, "account": task.account, "sender": task.sender}
    await say(bench, Routed(**of_task(task), **attempt, at=now(), reason="because", content=content))
    return task


def delivered(post: Handover) -> Receipt:
    return Receipt(
        **of_task(post.task), at=now(), attempt=post.task.attempt, nonce=post.nonce, raw="{}",
        provider=post.task.provider, account=post.task.account, provider_message_id="SM1",
        status=ReceiptStatus.DELIVERED,
    )  # fmt: skip


def deadlines(bench: Bench) -> list[Deadline]:
    """Those that wait, or have waited."""
    found: list[Deadline] = []
    for record in bench.waiting():
        if Ticket.read(record.headers).topic == topics.EVENTS:
            fact = decode_fact(record.value)
            assert isinstance(fact, Deadline)
            found.append(fact)
    return found


async def due(bench: Bench, folding: Folding) -> str:
    """All deadlines are due, those of before once more."""
    await say(bench, *deadlines(bench))
    return folding()


def lost(_: Handover) -> Outcome:
    return Ambiguous(detail="the connection was lost")


def one_after_the_other(*answers: Callable[[Handover], Outcome]) -> Callable[[Handover], Outcome]:
    each = iter(answers)

    def answer(handover: Handover) -> Outcome:
        return next(each)(handover)

    return answer


async def handed_over(bench: Bench, task: Task, offset: int = 0) -> None:
    """A dispatcher of its own reads the task, and finishes it."""
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(offset, task)
        await bench.until(lambda: dispatcher.committed == offset + 1)


async def claim_of(bench: Bench, task: Task) -> object:
    return (await bench.ledger.look([task.message_id]))[0].claim


async def test_hold_waits_for_whoever_learns_more(bench: Bench, folding: Folding) -> None:
    bench.provider.answer = lost
    await handed_over(bench, await routed(bench, OnUnknown.HOLD))
    assert deadlines(bench) == []
    assert folding() == "queued unknown"
    await say(bench, delivered(bench.provider.posts[0]))
    assert folding() == "queued unknown delivered"
    assert folding.statuses[-1].settled_by is SettledBy.RECEIPT


async def test_fail_is_a_belief_that_yields_to_the_providers_word(bench: Bench, folding: Folding) -> None:
    bench.provider.answer = lost
    await handed_over(bench, await routed(bench, OnUnknown.FAIL))
    assert folding() == "queued unknown"
    assert await due(bench, folding) == "queued unknown failed"
    failed = folding.statuses[-1]
    assert failed.failure is not None
    assert (failed.failure.code, failed.settled_by) == ("unknown_outcome", SettledBy.POLICY)
    await say(bench, delivered(bench.provider.posts[0]))
    assert folding() == "queued unknown failed delivered"
    assert (folding.tasks, len(bench.provider.posts)) == ([], 1)


async def test_an_answer_that_comes_after_the_policy_has_failed_it_holds(
    bench: Bench, folding: Folding
) -> None:
    """Whoever was stopped amid the call is taken over; then it wakes, and learns that it was sent."""
    bench.provider.answering.clear()
    a_week = now() + 7 * 24 * 3_600_000
    task = await routed(bench, OnUnknown.FAIL, valid_until=a_week, forget_at=a_week)
    async with bench.dispatcher() as stopped, bench.dispatcher() as other:
        stopped.read(0, task)
        await bench.until(lambda: bench.provider.posts)
        other.read(0, task)

        def looked_again() -> bool:
            bench.ahead += 10_000  # as long as it waits for that
            other.hand_over.bell.set()
            return other.committed == 1

        await bench.until(looked_again)
        assert await due(bench, folding) == "queued unknown failed"
        bench.provider.answering.set()
        await bench.until(lambda: stopped.committed == 1)
    assert folding() == "queued unknown failed sent"
    assert await claim_of(bench, task) == Closed("sent", 1)
    assert len(bench.provider.posts) == 1


async def test_resend_hands_it_over_once_more(bench: Bench, folding: Folding) -> None:
    bench.provider.answer = one_after_the_other(lost, accept)
    task = await routed(bench, OnUnknown.RESEND)
    await handed_over(bench, task)
    assert await due(bench, folding) == "queued unknown queued"
    (again,) = folding.tasks
    assert (again.attempt, again.how, again.record) == (2, How.RESEND, None)
    await handed_over(bench, again, 1)
    # What repeats, repeats in vain: the first record, the resend, the deadline.
    await handed_over(bench, task, 2)
    await handed_over(bench, again, 3)
    assert await due(bench, folding) == "queued unknown queued sent"
    assert len(folding.tasks) == 1
    await say(bench, delivered(bench.provider.posts[1]))
    assert folding() == "queued unknown queued sent delivered"
    assert [(post.task.attempt, post.task.message_id) for post in bench.provider.posts] == [
        (1, task.message_id),
        (2, task.message_id),
    ]
    assert folding.statuses[2].settled_by is SettledBy.POLICY
    assert await claim_of(bench, task) == Closed("sent", 2)


async def test_a_resend_that_is_refused_for_now_is_tried_again_as_what_may_have_been_sent(
    bench: Bench, folding: Folding
) -> None:
    bench.provider.answer = one_after_the_other(lost, lambda _: Throttled(code="20429"), accept)
    await handed_over(bench, await routed(bench, OnUnknown.RESEND))
    await due(bench, folding)
    await handed_over(bench, folding.tasks[0], 1)
    assert folding() == "queued unknown queued sent"
    assert [(post.task.attempt, post.task.how) for post in bench.provider.posts] == [
        (1, How.PLAIN),
        (2, How.RESEND),
        (3, How.AFTER_UNKNOWN),
    ]


async def test_what_stays_unknown_is_sent_again_twice_at_most(bench: Bench, folding: Folding) -> None:
    bench.provider.answer = lost
    await handed_over(bench, await routed(bench, OnUnknown.RESEND))
    for offset in (1, 2):
        await due(bench, folding)
        await handed_over(bench, folding.tasks[-1], offset)
    assert await due(bench, folding) == "queued unknown queued unknown queued unknown failed"
    assert [task.attempt for task in folding.tasks] == [2, 3]
    assert len(bench.provider.posts) == 3


async def test_what_its_owner_wants_cancelled_is_not_sent_again(bench: Bench, folding: Folding) -> None:
    bench.provider.answer = lost
    task = await routed(bench, OnUnknown.RESEND)
    await handed_over(bench, task)
    await say(bench, CancelAsked(**of_task(task), at=now(), attempt=1))
    assert await due(bench, folding) == "queued unknown failed"
    assert folding.tasks == []


async def test_a_resend_that_comes_too_late_is_not_called_expired(bench: Bench, folding: Folding) -> None:
    """Something may have been sent. Its own deadline finds the validity over, and fails it."""
    bench.provider.answer = lost
    task = await routed(bench, OnUnknown.RESEND)
    await handed_over(bench, task)
    assert await due(bench, folding) == "queued unknown queued"
    (again,) = folding.tasks
    # As if it had lain before the dispatcher until now.
    await handed_over(bench, again.model_copy(update={"valid_until": now() - 1}), 1)
    assert await claim_of(bench, task) == Closed("unknown", 2)
    assert folding() == "queued unknown queued unknown"
    assert await due(bench, folding) == "queued unknown queued unknown failed"
    failure = folding.statuses[-1].failure
    assert failure is not None
    assert failure.code == "unknown_outcome"
    assert len(bench.provider.posts) == 1


@pytest.mark.usefixtures("_points")
@pytest.mark.parametrize("wiped", [False, True], ids=["ledger kept", "ledger lost"])
async def test_who_dies_before_the_deadline_is_acknowledged_leaves_it_to_the_next(
    bench: Bench, folding: Folding, valkey: Store, *, wiped: bool
) -> None:
    """`ambiguous` comes first, the deadline before the end: nothing stays unknown under `fail`."""
    bench.provider.answer = lost
    task = await routed(bench, OnUnknown.FAIL)
    died = asyncio.Event()

    def die(point: Point) -> None:
        if point is Point.DISPATCH_AMBIGUOUS_TOLD:
            died.set()
            current = asyncio.current_task()
            assert current is not None
            current.cancel()

    failpoints.on_reached(die)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, task)
        await asyncio.wait_for(died.wait(), 20)
        assert dispatcher.committed == 0
    failpoints.on_reached(lambda _: None)
    assert [fact.type for fact in bench.facts()] == ["routed.v1", "ambiguous.v1"]
    assert deadlines(bench) == []
    if wiped:
        async with redis.asyncio.from_url(valkey.url) as client:
            await client.flushall()
    await handed_over(bench, task)
    assert len(deadlines(bench)) == 1
    assert await due(bench, folding) == "queued unknown failed"
    assert len(bench.provider.posts) == 1
