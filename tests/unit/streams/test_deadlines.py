"""Deadlines of unknown hand-overs: judged by what is known at their place, and by their owner's policy."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import AmbiguousFact, AnyFact, CancelAsked, ClosedWhy, Deadline
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.public import SettledBy, StatusRecord
from schemas.status import MOVES, State
from schemas.tasks import How, OnUnknown, Task
from streams import deadlines, words
from streams.deadlines import MOST_RESENDS, put_off, resend
from streams.fold import fold
from streams.rows import Rank, Resend, Row, decode, encode
from tests.unit.streams.facts import (
    ABOUT,
    ACCEPTED,
    FORGET_AT,
    MESSAGE,
    ORGANIZATION,
    RECORD,
    REFUSED,
    SENDER,
    THROTTLED,
    ambiguous,
    closed,
    outcome,
    receipt,
    reported,
    routed,
    states,
)
from tests.unit.streams.orders import FACTS, QUICK, THOROUGH, Judged, expected

SETTLE_MS = 300_000
TASK = Task(
    message_id=MESSAGE,
    organization=ORGANIZATION,
    record=RECORD,
    lane=Lane.QUEUED,
    provider=Provider.TWILIO,
    account="tw-main",
    sender=SENDER,
    to_number="+15557654321",
    text="hello",
    segments=1,
    not_before=77,
    valid_until=700,
    forget_at=FORGET_AT,
)
HOLD, FAIL, RESEND = OnUnknown.HOLD, OnUnknown.FAIL, OnUnknown.RESEND


def deadline(policy: OnUnknown, attempt: int = 1, at: int = 600) -> Deadline:
    task = TASK.model_copy(update={"attempt": attempt, "on_unknown": policy})
    return Deadline(**ABOUT, at=at, attempt=attempt, task=task, waited_ms=SETTLE_MS)


def cancel(attempt: int = 1) -> CancelAsked:
    return CancelAsked(**ABOUT, at=350, attempt=attempt)


Fold = Callable[[Row | None, AnyFact, int], tuple[Row, list[StatusRecord]]]


def folded(
    row: Row | None, fact: AnyFact, offset: int, by: Fold = fold
) -> tuple[Row, list[StatusRecord], list[Task]]:
    """One fact as the handler takes it; the row goes through its bytes."""
    after, records = by(row, fact, offset)
    task = resend(after, fact, offset) if isinstance(fact, Deadline) else None
    return decode(encode(after)), records, [] if task is None else [task]


def story(facts: Sequence[AnyFact], by: Fold = fold) -> tuple[Row, list[StatusRecord], list[Task]]:
    """The row, all that was told and all that was sent again after `facts` in this order."""
    row: Row | None = None
    told: list[StatusRecord] = []
    tasks: list[Task] = []
    for offset, fact in enumerate(facts):
        row, records, again = folded(row, fact, offset, by)
        told += records
        tasks += again
    assert row is not None
    return row, told, tasks


UNKNOWN: list[AnyFact] = [routed(), ambiguous()]
AGAIN: list[AnyFact] = [*UNKNOWN, deadline(RESEND)]
UNKNOWN_AGAIN: list[AnyFact] = [*AGAIN, ambiguous(2, ("n2",))]


@pytest.mark.parametrize(
    ("facts", "told", "attempts"),
    [
        ([*UNKNOWN, deadline(HOLD)], "queued unknown", []),
        ([*UNKNOWN, deadline(FAIL)], "queued unknown failed", []),
        (AGAIN, "queued unknown queued", [2]),
        # It is judged once: another deadline of that attempt finds another one under way.
        ([*AGAIN, deadline(RESEND)], "queued unknown queued", [2]),
        ([*AGAIN, deadline(FAIL)], "queued unknown queued", [2]),
        # What was sent again goes its way.
        ([*AGAIN, outcome(ACCEPTED, 2, "n2"), receipt("delivered", 2, "n2")],
         "queued unknown queued sent delivered", [2]),
        ([*AGAIN, outcome(REFUSED, 2, "n2")], "queued unknown queued failed", [2]),
        ([*AGAIN, outcome(THROTTLED, 2, "n2")], "queued unknown queued", [2]),
        (UNKNOWN_AGAIN, "queued unknown queued unknown", [2]),
        ([*UNKNOWN_AGAIN, deadline(RESEND)], "queued unknown queued unknown", [2]),
        ([*UNKNOWN_AGAIN, deadline(RESEND, 2), ambiguous(3, ("n3",)), deadline(RESEND, 3)],
         "queued unknown queued unknown queued unknown failed", [2, 3]),
        # Retries after a resend are attempts, too.
        ([*AGAIN, outcome(THROTTLED, 2, "n2"), ambiguous(3, ("n3",)), deadline(RESEND, 3)],
         "queued unknown queued unknown queued", [2, 4]),
        # Something certain is known by then.
        ([*UNKNOWN, outcome(ACCEPTED), deadline(FAIL)], "queued unknown sent", []),
        ([*UNKNOWN, receipt("delivered"), deadline(RESEND)], "queued unknown delivered", []),
        ([*UNKNOWN, outcome(REFUSED), deadline(RESEND)], "queued unknown failed", []),
        ([*UNKNOWN, reported("undelivered"), deadline(RESEND)], "queued unknown undelivered", []),
        # Nothing is unknown: never, not yet, or another attempt.
        ([routed(), deadline(FAIL)], "queued", []),
        ([routed(), deadline(RESEND), ambiguous()], "queued unknown", []),
        ([routed(), outcome(THROTTLED), ambiguous(2, ("n2",)), deadline(FAIL)], "queued unknown", []),
        ([*UNKNOWN, deadline(RESEND, 2)], "queued unknown", []),
        # What is known only later holds: a failure by policy is a belief.
        ([*UNKNOWN, deadline(FAIL), outcome(ACCEPTED)], "queued unknown failed sent", []),
        ([*UNKNOWN, deadline(FAIL), receipt("delivered")], "queued unknown failed delivered", []),
        ([*UNKNOWN, deadline(FAIL), receipt("undelivered")], "queued unknown failed undelivered", []),
        ([*UNKNOWN, deadline(FAIL), reported("sent")], "queued unknown failed sent", []),
        # Against its owner's wish, or beyond its validity, nothing is sent again.
        ([*UNKNOWN, cancel(), deadline(RESEND)], "queued unknown failed", []),
        ([cancel(), *UNKNOWN, deadline(RESEND)], "queued unknown failed", []),
        ([*AGAIN, cancel(2), ambiguous(2, ("n2",)), deadline(RESEND, 2)],
         "queued unknown queued unknown failed", [2]),
        ([*UNKNOWN, deadline(RESEND, at=700)], "queued unknown queued", [2]),
        ([*UNKNOWN, deadline(RESEND, at=701)], "queued unknown failed", []),
        # The first try's fate ends nothing while the second one is on its way; an arrival does.
        ([*AGAIN, outcome(ACCEPTED, 2, "n2"), receipt("failed")], "queued unknown queued sent", [2]),
        ([*AGAIN, receipt("undelivered"), outcome(ACCEPTED, 2, "n2"), receipt("failed", 2, "n2")],
         "queued unknown queued undelivered sent failed", [2]),
        ([*AGAIN, outcome(ACCEPTED, 2, "n2"), receipt("delivered"), receipt("failed", 2, "n2")],
         "queued unknown queued sent delivered", [2]),
        ([*AGAIN, outcome(ACCEPTED), outcome(REFUSED, 2, "n2")], "queued unknown queued sent", [2]),
        # Judged before the content is known; told when it is.
        ([ambiguous(), deadline(FAIL), routed()], "queued failed", []),
        ([ambiguous(), deadline(RESEND), routed(), outcome(ACCEPTED, 2, "n2")], "queued sent", [2]),
    ],
)  # fmt: skip
def test_the_owners_policy_acts_where_nothing_is_known(
    facts: list[AnyFact], told: str, attempts: list[int]
) -> None:
    _, records, tasks = story(facts)
    assert " ".join(states(records)) == told
    assert [task.attempt for task in tasks] == attempts


def test_what_is_sent_again_is_the_same_message_as_a_task_of_its_own() -> None:
    _, _, (task,) = story(AGAIN)
    assert task == TASK.model_copy(
        update={
            "attempt": 2, "how": How.RESEND, "record": None, "not_before": 0, "on_unknown": RESEND,
        }
    )  # fmt: skip


def test_a_message_is_sent_again_twice_at_most_whatever_the_task_says() -> None:
    """A record that comes again carries the task as it was first: the row counts."""
    facts = list(UNKNOWN)
    for attempt in range(1, 6):
        facts += [deadline(RESEND, attempt), ambiguous(attempt + 1, (f"n{attempt + 1}",))]
    _, records, tasks = story(facts)
    assert [task.attempt for task in tasks] == [2, 3]
    assert len(tasks) == MOST_RESENDS
    assert records[-1].status is State.FAILED


def test_a_failure_by_policy_says_so_and_which_hand_over_it_was() -> None:
    _, records, _ = story([*UNKNOWN, deadline(FAIL)])
    failed = records[-1]
    assert failed.failure is not None
    assert (failed.failure.code, failed.at) == (words.UNKNOWN_OUTCOME, 600)
    assert (failed.attempt, failed.account) == (1, "tw-main")
    assert [attempt.outcome for attempt in failed.attempts] == ["unknown"]


@pytest.mark.parametrize(
    ("fact", "by"),
    [
        (receipt("delivered"), SettledBy.RECEIPT),
        (receipt("sent"), SettledBy.RECEIPT),
        (reported("undelivered"), SettledBy.ASKED),
        (outcome(ACCEPTED).model_copy(update={"asked": True}), SettledBy.ASKED),
        (outcome(REFUSED).model_copy(update={"asked": True}), SettledBy.ASKED),
        (outcome(ACCEPTED), SettledBy.ANSWER),
        (deadline(FAIL), SettledBy.POLICY),
        (deadline(RESEND), SettledBy.POLICY),
        (closed(ClosedWhy.CANCELLED), None),
    ],
)
def test_the_record_says_what_settled_an_unknown_send(fact: AnyFact, by: SettledBy | None) -> None:
    _, (*_, unknown, settled), _ = story([*UNKNOWN, fact])
    assert (unknown.status, unknown.settled_by, settled.settled_by) == (State.UNKNOWN, None, by)
    assert [step.settled_by for step in settled.history] == [None, None, by]
    # Later records tell it in their history; they settle nothing.
    _, records, _ = story([*UNKNOWN, fact, receipt("delivered", 2, "n2"), ambiguous(2, ("n2",))])
    assert records[-1].history[2].settled_by is by
    assert all(record.settled_by is None for record in records[3:] if record.previous is not State.UNKNOWN)


def test_nothing_was_settled_where_nothing_was_unknown() -> None:
    _, records, _ = story([routed(), outcome(ACCEPTED), receipt("delivered")])
    assert [record.settled_by for record in records] == [None] * 3


# ---- any order

POLICIES = st.sampled_from(OnUnknown)
ALL = st.one_of(
    FACTS,
    st.builds(ambiguous, st.integers(1, 4), st.just(("n1",))),
    st.builds(deadline, POLICIES, st.integers(1, 4), st.sampled_from([600, 600, 701])),
    st.builds(deadline, st.just(RESEND), st.integers(1, 3)),
    st.builds(cancel, st.integers(1, 3)),
)


@st.composite
def rounds(draw: st.DrawFn) -> list[AnyFact]:
    """What usually follows what: unknown, its deadline, unknown again; with anything in between."""
    facts: list[AnyFact] = []
    for attempt in range(1, draw(st.integers(2, 5))):
        between = st.lists(st.one_of(st.builds(cancel, st.integers(1, 3)), ALL), max_size=1)
        facts += [ambiguous(attempt, (f"n{attempt}",)), *draw(between)]
        facts += [deadline(draw(st.sampled_from([RESEND, RESEND, FAIL])), attempt), *draw(between)]
    return facts


MANY = st.one_of(rounds(), st.lists(ALL, min_size=1, max_size=14))


def judged_by(facts: Sequence[AnyFact]) -> list[Judged]:
    """What the deadlines among `facts` have come to, each by all that was known before it."""
    judged: list[Judged] = []
    for place, fact in enumerate(facts):
        known = facts[:place]
        if not isinstance(fact, Deadline) or expected(known, judged) is not State.UNKNOWN:
            continue
        last = max(f.attempt for f in known if isinstance(f, AmbiguousFact))
        resent = [attempt for word, attempt in judged if word == "resent"]
        if fact.attempt != last or fact.task.on_unknown is HOLD:
            continue
        stopped = any(isinstance(f, CancelAsked) for f in known) or fact.at > 700 or len(resent) == 2
        again = fact.task.on_unknown is RESEND and not stopped
        judged.append(("resent" if again else "failed", fact.attempt))
    return judged


def as_judged(by: Fold) -> None:
    @THOROUGH if by is fold else QUICK
    @given(MANY)
    def check(facts: list[AnyFact]) -> None:
        judged = judged_by(facts)
        row, _, tasks = story(facts, by)
        state = None if row.word is None else row.word.state
        assert state is expected(facts, judged)
        assert [task.attempt - 1 for task in tasks] == [k for word, k in judged if word == "resent"]

    check()


def test_facts_commute_and_each_deadline_is_judged_by_those_before_it() -> None:
    as_judged(fold)


def of_any_attempt(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """A naive one: a deadline speaks of the message, whichever attempt is unknown by now."""
    if isinstance(fact, Deadline) and row is not None and row.word and row.word.rank is Rank.UNKNOWN:
        fact = fact.model_copy(update={"attempt": row.word.attempt})
    return fold(row, fact, offset)


def deaf(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """A naive one: `cancel_asked` says nothing, for the claim has decided."""
    row, told = fold(row, fact, offset)
    return row._replace(cancel_asked=False), told


def tireless(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """A naive one: it forgets how often it was sent again."""
    if row is not None and isinstance(fact, Deadline):
        row = row._replace(resends=())
    return fold(row, fact, offset)


@pytest.mark.parametrize("naive", [of_any_attempt, deaf, tireless])
def test_folds_that_judge_otherwise_are_noticed(naive: Fold) -> None:
    with pytest.raises(AssertionError):
        as_judged(naive)


@THOROUGH
@given(MANY)
def test_every_step_is_legal_and_what_left_unknown_says_why(facts: list[AnyFact]) -> None:
    _, records, _ = story([routed(), *facts])
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    for before, after in pairwise(records):
        assert after.previous is before.status
        assert after.status in MOVES[before.status]
        assert after.history[:-1] == before.history
        by_ours = after.status in {State.QUEUED, State.FAILED, State.CANCELLED}
        assert (after.settled_by is not None) <= (before.status is State.UNKNOWN)
        assert after.settled_by or by_ours or before.status is not State.UNKNOWN


# ---- replays


def replays_are_verbatim(by: Fold) -> None:
    @THOROUGH if by is fold else QUICK
    @given(MANY, st.data())
    def check(facts: list[AnyFact], data: st.DataObject) -> None:
        row: Row | None = None
        rows: list[Row | None] = [None]
        first: list[tuple[list[bytes], list[Task]]] = []
        for offset, fact in enumerate(facts):
            row, records, tasks = folded(row, fact, offset, by)
            rows.append(row)
            first.append(([record.encode() for record in records], tasks))
        # The crash lost what was emitted from `restart` on, and some of the last writes of the row.
        restart = data.draw(st.integers(0, len(facts) - 1))
        after = rows[data.draw(st.integers(restart, len(facts)))]
        for offset in range(restart, len(facts)):
            after, records, tasks = folded(after, facts[offset], offset, by)
            assert ([record.encode() for record in records], tasks) == first[offset]
        assert after == row

    check()


def test_a_replayed_deadline_makes_the_same_task_again() -> None:
    replays_are_verbatim(fold)


def without_places(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: it knows that it was sent again, and not by which deadline."""
    before = () if row is None else row.resends
    row, told = fold(row, fact, offset)
    fresh = len(row.resends) > len(before)
    if not fresh:
        row = row._replace(resends=tuple(Resend(-1, one.attempt) for one in row.resends))
    return row, told


def test_a_fold_that_does_not_know_which_deadline_it_was_loses_the_task() -> None:
    with pytest.raises(AssertionError):
        replays_are_verbatim(without_places)


def test_a_resend_is_made_for_its_own_deadline_only() -> None:
    row, _, _ = story(AGAIN)
    fact = deadline(RESEND)
    assert deadlines.resend(row, fact, 1) is None
    assert deadlines.resend(row, fact, 2) is not None


# ---- put off


def test_a_deadline_that_finds_a_later_attempt_unknown_becomes_that_ones() -> None:
    """That one may have none: a rebuild has said `ambiguous` of it, and its task is finished."""
    lost_twice: list[AnyFact] = [*UNKNOWN, ambiguous(2, ("n2",))]
    row, records, _ = story([*lost_twice, deadline(FAIL)])
    later = put_off(row, deadline(FAIL))
    assert later is not None
    assert (later.attempt, later.task.attempt, later.at) == (2, 2, 600 + SETTLE_MS)
    assert states(records) == ["queued", "unknown"]
    _, records, _ = story([*lost_twice, deadline(FAIL), later])
    assert states(records) == ["queued", "unknown", "failed"]
    # Counted from when that one was called unknown, if that is later.
    row, _, _ = story([*UNKNOWN, ambiguous(2, ("n2",)).model_copy(update={"at": 900})])
    later = put_off(row, deadline(FAIL))
    assert later is not None
    assert later.at == 900 + SETTLE_MS


@pytest.mark.parametrize(
    "facts",
    [[routed()], UNKNOWN, AGAIN, [*UNKNOWN, deadline(FAIL)], [*UNKNOWN_AGAIN, outcome(ACCEPTED, 2, "n2")]],
)
def test_no_other_deadline_is_put_off(facts: list[AnyFact]) -> None:
    row, _, _ = story(facts)
    assert put_off(row, deadline(RESEND)) is None
