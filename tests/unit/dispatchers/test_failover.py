"""When another sender is asked for, and what the record says that asks."""

import asyncio
from collections.abc import Sequence
from itertools import permutations
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.publish import Outgoing
from dispatchers.accounts import Accounts
from dispatchers.deferring import Deferring
from dispatchers.failover import (
    Trouble,
    failing_over,
    given_up,
    may_fail_over,
    may_replace,
    refuses_sender,
)
from dispatchers.journal import Journal, ambiguous_fact
from dispatchers.lines import Item, Line
from dispatchers.questions import first
from dispatchers.settling import Result, Settling
from dispatchers.shares import PROBES, RESTS_MS
from dispatchers.tools import Tools
from dispatchers.unknown import follows
from dispatchers.window import Window
from ledger import Ledger
from ledger.claims import Again, Closed, Own, Pace, Via
from ledger.days import rests_on
from ledger.places import Place, Wish
from schemas import topics
from schemas.caps import Cap
from schemas.facts import AmbiguousFact, AnyFact, OutcomeFact, Receipt, ReceiptStatus, Routed, decode_fact
from schemas.messages import Content, Failover, decode_message
from schemas.provider import (
    Accepted,
    Ambiguous,
    Fault,
    Outcome,
    Provider,
    Rejected,
    Throttled,
    Unavailable,
)
from schemas.settings import DispatchSettings
from schemas.status import State
from schemas.tasks import MOST_SENDERS, How, Inquiry, OnUnknown, RecordId, Task
from streams.fold import fold
from streams.rows import Row
from tests.unit.dispatchers.test_deadlines import TASK

NOW = 1_000_000
POOLED = TASK.model_copy(update={"attempt": 1, "use_case_id": "6d4a1e0e-6a43-4d0e-9f0c-6f3f4f0d5a11"})
RECORD = RecordId(topic="t", partition=0, offset=7)
REFUSED = Rejected(fault=Fault.SENDER, code="21606", detail="not a number of the account")
BUSY = Throttled(code="20429", detail="too many requests")
AWAY = Unavailable(detail="no route to host")


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"use_case_id": None}, False),
        ({"confirms": True}, False),
        ({"valid_until": NOW}, False),
        ({"valid_until": NOW + 1}, True),
        # `route` had no other: not at every attempt from then on, but later again.
        ({"stays_until": NOW + 1}, False),
        ({"stays_until": NOW}, True),
        # However many have been tried: `route` counts rounds.
        ({"tried_senders": tuple("abcdefgh"), "rounds": 99}, True),
        # What may have been sent before and is sent again by its owner's policy is as good as any.
        ({"how": How.RESEND, "attempt": 2}, True),
    ],
)
def test_who_may_have_another_sender(changes: dict[str, object], may: bool) -> None:
    assert may_fail_over(POOLED.model_copy(update=changes), NOW) is may


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"use_case_id": None}, False),
        # It is refused, whatever else was in trouble before.
        ({"stays_until": NOW + 1, "tried_senders": (POOLED.sender,)}, True),
        # `route` had no other: the next refusal is the end.
        ({"refused_senders": (POOLED.sender,)}, False),
        ({"refused_senders": tuple("abc")}, True),
        ({"refused_senders": tuple("abcd")}, False),
    ],
)
def test_who_is_replaced_when_its_sender_is_refused(changes: dict[str, object], may: bool) -> None:
    assert may_replace(POOLED.model_copy(update=changes), NOW) is may


@pytest.mark.parametrize(
    ("outcome", "trouble"),
    [
        (REFUSED, Trouble.REFUSED),
        (BUSY, Trouble.ACCOUNT),
        (AWAY, Trouble.ACCOUNT),
        # Its own queue is full, its campaign is too fast: other numbers of the account may go.
        (Throttled(code="21611", detail="queue full"), Trouble.NUMBER),
        (Throttled(code="30022", detail="campaign"), Trouble.NUMBER),
    ],
)
def test_whom_it_is_the_fault_of(outcome: Outcome, trouble: Trouble) -> None:
    task = POOLED.model_copy(update={"attempt": 3, "provider": Provider.TWILIO})
    found = given_up(task, outcome, breaker_open=False)
    assert found is not None
    assert found.trouble is trouble


@pytest.mark.parametrize(
    ("outcome", "attempt", "first_attempt", "breaker_open", "leaves"),
    [
        (REFUSED, 1, 1, False, True),
        *((outcome, attempt, 1, False, attempt >= 3) for outcome in (BUSY, AWAY) for attempt in (1, 2, 3, 4)),
        # Attempts of another account before count against that one.
        (AWAY, 5, 4, False, False),
        (AWAY, 6, 4, False, True),
        (AWAY, 1, 1, True, True),
        (BUSY, 1, 1, True, True),
        # What may have been sent, and what no other sender would change.
        (Ambiguous(detail="timeout"), 9, 1, True, False),
        (Accepted(provider_message_id="SM1"), 9, 1, True, False),
        *(
            (Rejected(fault=fault, detail="no"), 9, 1, True, False)
            for fault in Fault
            if fault is not Fault.SENDER
        ),
    ],
)
def test_when_a_sender_is_given_up(
    outcome: Outcome,
    attempt: int,
    first_attempt: int,
    breaker_open: bool,
    leaves: bool,
) -> None:
    task = POOLED.model_copy(update={"attempt": attempt, "first_attempt": first_attempt})
    assert (given_up(task, outcome, breaker_open=breaker_open) is not None) is leaves
    assert refuses_sender(outcome) is (outcome is REFUSED)


def test_the_record_carries_the_task_as_it_is_to_be_tried_next() -> None:
    task = POOLED.model_copy(
        update={"attempt": 4, "how": How.AFTER_UNKNOWN, "not_before": NOW, "tried_accounts": ("a",)}
    )
    record = failing_over(task, RECORD, "why", Trouble.ACCOUNT)
    assert decode_message(record.encode()) == record
    # Same attempt, same record: copies of one task. It goes at once, and its new sender begins to count anew.
    same = {
        "record": RECORD, "not_before": 0, "first_attempt": 4,
        "tried_accounts": ("a", "vg-main"), "tried_senders": (POOLED.sender,),
    }  # fmt: skip
    assert record.task == task.model_copy(update=same)


@pytest.mark.parametrize(
    ("trouble", "marks"),
    [
        # A number says nothing of its account's others.
        (Trouble.REFUSED, ((), (), (POOLED.sender,))),
        (Trouble.NUMBER, ((), (POOLED.sender,), ())),
        (Trouble.ACCOUNT, ((POOLED.account,), (POOLED.sender,), ())),
        (Trouble.MOVED, ((), (), ())),
    ],
)
def test_whom_route_is_not_to_choose_again(
    trouble: Trouble, marks: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
) -> None:
    task = failing_over(POOLED, RECORD, "why", trouble).task
    assert (task.tried_accounts, task.tried_senders, task.refused_senders) == marks
    assert failing_over(task, RECORD, "why", trouble).task == task


@given(st.lists(st.sampled_from("abcdefgh"), max_size=20))
def test_never_more_than_so_many_senders_that_refuse(chosen: list[str]) -> None:
    """Whatever `route` chooses, it is asked so often and no more."""
    task, senders = POOLED, {POOLED.sender}
    for sender in chosen:
        if not may_replace(task, NOW):
            break
        task = failing_over(task, RECORD, "why", Trouble.REFUSED).task
        if sender not in task.refused_senders:
            task = task.model_copy(update={"sender": sender})
        senders.add(task.sender)
    assert len(senders) <= MOST_SENDERS


# -- in the order that survives a crash


class Books:
    """A ledger and a broker that note what was done, in order."""

    def __init__(self, *, own: bool = True) -> None:
        self.own = own
        self.done: list[object] = []

    async def reopen(self, again: Sequence[Again]) -> list[bool]:
        self.done.append("reopened" if self.own else "another's")
        return [self.own for _ in again]

    async def close(self, owns: Sequence[Own]) -> None:
        self.done += ["closed" for _ in owns]

    async def lose(self, owns: Sequence[Own]) -> list[bool]:
        self.done.append("lost")
        return [True for _ in owns]

    async def place(self, wishes: Sequence[Wish]) -> list[Place]:
        return [Place(0, is_turn=True) for _ in wishes]

    async def publish(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            if record.topic == topics.MESSAGES:
                self.done.append(decode_message(record.value))
            elif record.topic == topics.EVENTS:
                self.done.append(decode_fact(record.value))
            else:
                self.done.append(record.topic)


class NoDirectory:
    """Accounts that teach nothing."""

    def learned(self, _fact: AnyFact, _to_number: str) -> list[object]:
        return []


def tools(books: Books) -> Tools:
    async def ready() -> None:
        pass

    return Tools(
        ledger=cast("Ledger", books), journal=Journal("d", books.publish, lambda: NOW),
        accounts=cast("Accounts", NoDirectory()), settings=DispatchSettings(), ledger_ready=ready,
        callback_url=lambda _: "", now=lambda: NOW, new_nonce=lambda: "", chance=lambda: 0.5,
    )  # fmt: skip


def window() -> Window:
    return Window(
        lambda _: 1,
        100,
        lambda task: (f"breaker:{task.account}", f"account:{task.account}"),
        lambda task: (Pace(f"account:{task.account}", 1000, 1000),),
    )


async def settled(books: Books, task: Task, outcome: Outcome, **more: object) -> Line:
    """What is left of the record once `outcome` is settled."""
    line = Line(("t", 0))
    line.open(0)
    done = asyncio.Event()
    settling = Settling(window(), tools(books), done.set)
    running = asyncio.create_task(settling.run())
    try:
        settling.add(Result(Item(line, 0, task), "n", outcome, **more))  # type: ignore[arg-type] # in_time
        async with asyncio.timeout(20):
            while settling.open:
                done.clear()
                await done.wait()
    finally:
        running.cancel()
    return line


async def test_the_claim_is_open_before_route_is_asked_and_the_record_is_finished_last() -> None:
    books = Books()
    line = await settled(books, POOLED, REFUSED)
    opened, asked, fact = books.done
    assert opened == "reopened"
    assert isinstance(asked, Failover)
    assert (asked.task.attempt, asked.task.tried_accounts) == (2, ())
    assert isinstance(fact, OutcomeFact)
    assert (fact.attempt, fact.again, fact.sender) == (1, True, POOLED.sender)
    assert line.due() == 1


async def test_a_refusal_is_told_as_the_end_where_the_claim_is_anothers_by_now() -> None:
    """The provider's word outweighs that it was called unknown; nobody tries another sender then."""
    books = Books(own=False)
    line = await settled(books, POOLED, REFUSED)
    asked, fact, closed = books.done
    assert (asked, closed) == ("another's", "closed")
    assert isinstance(fact, OutcomeFact)
    assert (fact.outcome, fact.again) == (REFUSED, False)
    assert line.due() == 1


async def test_nothing_is_asked_where_the_claim_is_anothers() -> None:
    books = Books(own=False)
    await settled(books, POOLED.model_copy(update={"attempt": 3}), AWAY)
    assert books.done == ["another's"]


@pytest.mark.parametrize(
    ("task", "outcome", "more", "asks"),
    [
        (POOLED, AWAY, {}, False),
        (POOLED.model_copy(update={"attempt": 3}), AWAY, {}, True),
        # It came too late to be tried: our own fault, and not its account's.
        (POOLED.model_copy(update={"attempt": 3}), AWAY, {"in_time": False}, False),
        (POOLED.model_copy(update={"attempt": 3}), Ambiguous(detail="timeout"), {}, False),
        (TASK, AWAY, {}, False),
        (TASK, REFUSED, {}, False),
        (POOLED.model_copy(update={"refused_senders": (POOLED.sender,)}), REFUSED, {}, False),
        (POOLED.model_copy(update={"attempt": 3, "stays_until": NOW + 1}), AWAY, {}, False),
    ],
)
async def test_only_what_may_is_asked_for(
    task: Task,
    outcome: Outcome,
    more: dict[str, object],
    asks: bool,
) -> None:
    books = Books()
    await settled(books, task, outcome, **more)
    assert any(isinstance(one, Failover) for one in books.done) is asks
    facts = [one for one in books.done if isinstance(one, OutcomeFact)]
    assert not any(fact.again for fact in facts)


@pytest.mark.parametrize(("stays_until", "asks"), [(0, True), (NOW + 1, False)])
async def test_what_would_wait_for_the_next_day_goes_to_another_number(
    stays_until: int,
    asks: bool,
) -> None:
    """Routed before anybody knew that the day is used up; where all are, it waits after all."""
    books = Books()
    day = rests_on(Cap("number:+1", 10))
    at_hand = Window(lambda _: 1, 100, lambda _: (day,), lambda _: ())
    line = Line(("t", 0))
    items = []
    for offset, task in enumerate([POOLED.model_copy(update={"stays_until": stays_until})] * 2 + [TASK]):
        line.open(offset)
        items.append(Item(line, offset, task))
    # One is at hand when it is learned, the others come.
    assert at_hand.offer(items[0], NOW) is None
    at_hand.rest_pace(day, NOW + RESTS_MS + 1)
    gone = [one for one in (at_hand.offer(item, NOW) for item in items[1:]) if one is not None]
    gone += at_hand.overstaying(NOW)
    assert {one.item for one in gone} == set(items)
    deferring = Deferring(at_hand, tools(books), lambda _: None)
    deferring.add(gone)
    running = asyncio.create_task(deferring.run())
    try:
        await deferring.quiet(20)
    finally:
        running.cancel()
    assert line.due() == 3
    asked = [one.task for one in books.done if isinstance(one, Failover)]
    assert len(books.done) == 3
    assert len(asked) == (2 if asks else 0)
    # Its account has other numbers.
    assert {(task.attempt, task.tried_accounts, task.tried_senders) for task in asked} <= {
        (1, (), (POOLED.sender,))
    }


@pytest.mark.parametrize("rest", ["breaker:vg-main", "account:vg-main"])
async def test_what_would_wait_for_an_open_breaker_goes_to_another_sender(rest: str) -> None:
    """No attempt was made: the next one is the same, and nothing is said to have come of it."""
    books, at_hand = Books(), window()
    at_hand.rest_pace(rest, NOW + RESTS_MS + 1)
    line, gone = Line(("t", 0)), []
    for offset, task in enumerate([*[POOLED] * (PROBES + 2), TASK]):
        line.open(offset)
        if leaving := at_hand.offer(Item(line, offset, task), NOW):
            gone.append(leaving)
    deferring = Deferring(at_hand, tools(books), lambda _: None)
    deferring.add(gone)
    running = asyncio.create_task(deferring.run())
    try:
        await deferring.quiet(20)
    finally:
        running.cancel()
    assert gone
    assert all(one.item.finished for one in gone)
    asked = [one for one in books.done if isinstance(one, Failover)]
    waiting = [one for one in books.done if isinstance(one, str)]
    assert len(asked) + len(waiting) == len(books.done) == len(gone)
    if rest != "breaker:vg-main":
        # An account that is only slowed down has its turn some time.
        assert asked == []
        return
    # Some of them stay, to find out when it closes; and one names its number.
    offsets = [one.task.record.offset for one in asked if one.task.record]
    assert offsets == [PROBES, PROBES + 1]
    assert {(one.task.attempt, one.task.tried_accounts) for one in asked} == {(1, ("vg-main",))}
    assert len(waiting) == 1


# -- what is told of an attempt of another's

SPARE = Via(Provider.TWILIO, "tw-spare", "+15550100099")
CLAIM = Closed("unknown", 2, "n", SPARE)
ROUTED = Routed(
    message_id="m-1", organization="acme", at=1, forget_at=99_000_000, attempt=1, provider=Provider.VONAGE,
    account="vg-main", sender=TASK.sender, reason="hash",
    content=Content(to_number="+1", text="x", segments=1, fingerprint="", accepted_at=0),
)  # fmt: skip
DELIVERED = Receipt(
    message_id="m-1", organization="acme", at=9, forget_at=99_000_000, attempt=2, nonce="n",
    provider=Provider.TWILIO, account="tw-spare", provider_message_id="SM1", status=ReceiptStatus.DELIVERED,
    raw="",
)  # fmt: skip


def found_unknown(claim: Closed, **changes: object) -> tuple[AmbiguousFact, Task]:
    """What the first sender's copy of the task says of the claim."""
    line = Line(("t", 0))
    item = Item(line, 7, POOLED.model_copy(update=changes))
    return ambiguous_fact(item, claim, "interrupted", NOW), item.task


def state(facts: Sequence[AnyFact]) -> State:
    row: Row | None = None
    for offset, fact in enumerate(facts):
        row, _ = fold(row, fact, offset)
    assert row is not None
    assert row.word is not None
    return row.word.state


def test_what_is_told_of_an_unknown_attempt_names_the_account_that_made_it() -> None:
    fact, task = found_unknown(CLAIM, on_unknown=OnUnknown.RESEND)
    assert (fact.provider, fact.account, fact.sender, fact.attempt) == (
        SPARE.provider, SPARE.account, SPARE.sender, 2,
    )  # fmt: skip
    deadline, question = follows(fact, task.model_copy(update={"record": RECORD}), DispatchSettings())
    again = decode_fact(deadline.value)
    assert (again.task.account, again.task.sender, again.task.attempt) == (SPARE.account, SPARE.sender, 2)  # type: ignore[union-attr] # a deadline
    # It is asked by whoever has the account, and through it.
    asked = Inquiry.decode(question.value)
    assert question.topic.startswith("sms.dispatch.twilio.")
    assert (asked.account, asked.sender, asked.nonce) == (SPARE.account, SPARE.sender, "n")
    assert asked.task is not None
    assert (asked.task.account, asked.task.record) == (SPARE.account, RECORD)


def test_told_for_the_wrong_account_its_receipts_are_lost() -> None:
    told: list[AnyFact] = [ROUTED, DELIVERED]
    right, _ = found_unknown(CLAIM)
    # As if the claim did not say what its hand-over went out through.
    wrong, _ = found_unknown(Closed("unknown", 2, "n"))
    for order in permutations([*told, right]):
        assert state(order) is State.DELIVERED
    for order in permutations([*told, wrong]):
        assert state(order) is State.UNKNOWN
    assert first(wrong, POOLED.model_copy(update={"provider": Provider.VONAGE}), DispatchSettings()) is None
