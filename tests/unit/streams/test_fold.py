"""The fold: any order and repetition of a message's facts ends in the same state, by legal, gapless steps."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, permutations
from typing import Literal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas import ids
from schemas.facts import (
    AmbiguousFact,
    AnyFact,
    Closed,
    ClosedWhy,
    OutcomeFact,
    Receipt,
    ReceiptStatus,
    Rejected,
    Reported,
    Routed,
)
from schemas.messages import Content
from schemas.provider import Accepted, Fault, Provider, Throttled, Unavailable
from schemas.provider import Rejected as RejectedByProvider
from schemas.public import StatusRecord
from schemas.status import MOVES, State
from schemas.tasks import RecordId
from streams.fold import MOST_ASIDE, fold
from streams.rows import Row, decode, encode

MESSAGE, ORGANIZATION, FORGET_AT = "0190-m", "acme", 9_000_000
SENDER = "+15550100001"
RECORD = RecordId(topic="sms.dispatch.twilio.queued.v1", partition=0, offset=4)
CONTENT = Content(
    from_number=SENDER,
    to_number="+15557654321",
    text="hello",
    segments=1,
    reference="r-1",
    fingerprint="1:abc",
    accepted_at=50,
)
ABOUT = {"message_id": MESSAGE, "organization": ORGANIZATION, "forget_at": FORGET_AT}


def routed(account: str = "tw-main", at: int = 100) -> Routed:
    return Routed(
        **ABOUT,
        at=at,
        attempt=1,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        reason="because",
        content=CONTENT,
    )


def rejected(code: str = "sender_suspended") -> Rejected:
    return Rejected(**ABOUT, at=101, code=code, detail="It is suspended.", content=CONTENT)


def outcome(
    what: Accepted | RejectedByProvider | Throttled | Unavailable,
    attempt: int = 1,
    nonce: str = "n1",
    account: str = "tw-main",
) -> OutcomeFact:
    return OutcomeFact(
        **ABOUT,
        at=200 + attempt,
        attempt=attempt,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        nonce=nonce,
        record=RECORD,
        outcome=what,
    )


ACCEPTED = Accepted(provider_message_id="SM1")
REFUSED = RejectedByProvider(fault=Fault.RECIPIENT, code="21211", detail="Not a number.")
THROTTLED = Throttled(code="429")
UNAVAILABLE = Unavailable(detail="connection refused")


def ambiguous(attempt: int = 1, nonces: tuple[str, ...] = ("n1",), account: str = "tw-main") -> AmbiguousFact:
    return AmbiguousFact(
        **ABOUT,
        at=300 + attempt,
        attempt=attempt,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        nonces=nonces,
        detail="timeout",
    )


def receipt(
    status: ReceiptStatus | str, attempt: int = 1, nonce: str = "n1", account: str = "tw-main", at: int = 400
) -> Receipt:
    return Receipt(
        **ABOUT,
        at=at,
        attempt=attempt,
        nonce=nonce,
        provider=Provider.TWILIO,
        account=account,
        provider_message_id="SM1",
        status=ReceiptStatus(status),
        code="30003",
        fault=Fault.RECIPIENT,
        raw="{}",
    )


def reported(
    status: ReceiptStatus | str, attempt: int = 1, account: str = "tw-main", at: int = 450
) -> Reported:
    return Reported(
        **ABOUT,
        at=at,
        attempt=attempt,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        provider_message_id="SM1",
        status=ReceiptStatus(status),
        code="30003",
        fault=Fault.RECIPIENT,
    )


def closed(why: ClosedWhy) -> Closed:
    return Closed(**ABOUT, at=500, why=why)


Fold = Callable[[Row | None, AnyFact, int], tuple[Row, list[StatusRecord]]]


def told(facts: Iterable[AnyFact], by: Fold = fold) -> tuple[Row, list[StatusRecord]]:
    """The row and all that was told after `facts` in this order; the row goes through its bytes each time."""
    row: Row | None = None
    records: list[StatusRecord] = []
    for offset, fact in enumerate(facts):
        row, more = by(row, fact, offset)
        row = decode(encode(row))
        records += more
    assert row is not None
    return row, records


def state_of(row: Row) -> State | None:
    return None if row.word is None else row.word.state


def states(records: Iterable[StatusRecord]) -> list[str]:
    return [record.status.value for record in records]


# ---- stories, each in the order in which they are usually heard


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([routed()], ["queued"]),
        ([routed(), outcome(ACCEPTED)], ["queued", "sent"]),
        ([routed(), outcome(ACCEPTED), receipt("sent"), receipt("delivered")],
         ["queued", "sent", "delivered"]),
        ([routed(), outcome(ACCEPTED), receipt("undelivered")], ["queued", "sent", "undelivered"]),
        ([routed(), outcome(ACCEPTED), receipt("failed")], ["queued", "sent", "failed"]),
        ([routed(), outcome(ACCEPTED), receipt("failed"), receipt("undelivered"), receipt("delivered")],
         ["queued", "sent", "failed", "undelivered", "delivered"]),
        ([routed(), outcome(REFUSED)], ["queued", "failed"]),
        ([routed(), outcome(THROTTLED), outcome(UNAVAILABLE, 2, "n2"), outcome(ACCEPTED, 3, "n3")],
         ["queued", "sent"]),
        ([routed(), ambiguous()], ["queued", "unknown"]),
        ([routed(), ambiguous(), outcome(ACCEPTED)], ["queued", "unknown", "sent"]),
        ([routed(), ambiguous(), outcome(REFUSED)], ["queued", "unknown", "failed"]),
        ([routed(), ambiguous(), receipt("delivered")], ["queued", "unknown", "delivered"]),
        # A refusal for now never outweighs `ambiguous` of its own attempt; a later attempt's does.
        ([routed(), ambiguous(), outcome(THROTTLED)], ["queued", "unknown"]),
        ([routed(), outcome(THROTTLED), ambiguous()], ["queued", "unknown"]),
        ([routed(), ambiguous(), outcome(UNAVAILABLE, 2, "n2")], ["queued", "unknown", "queued"]),
        ([routed(), outcome(THROTTLED), ambiguous(2, ("n2",))], ["queued", "unknown"]),
        # Early: before our own call returned, or before the routed fact was written.
        ([routed(), receipt("delivered"), outcome(ACCEPTED)], ["queued", "delivered"]),
        ([receipt("delivered"), outcome(ACCEPTED), routed()], ["queued", "delivered"]),
        ([outcome(ACCEPTED), routed(), receipt("sent")], ["queued", "sent"]),
        # Late and contradicting.
        ([routed(), outcome(ACCEPTED), receipt("delivered"), receipt("undelivered"), receipt("sent")],
         ["queued", "sent", "delivered"]),
        ([rejected()], ["failed"]),
        ([rejected(), outcome(ACCEPTED)], ["failed", "sent"]),
        ([routed(), rejected()], ["queued", "failed"]),
        ([routed(), closed(ClosedWhy.EXPIRED)], ["queued", "failed"]),
        ([routed(), closed(ClosedWhy.OPTED_OUT)], ["queued", "failed"]),
        ([routed(), closed(ClosedWhy.CANCELLED)], ["queued", "cancelled"]),
        ([closed(ClosedWhy.CANCELLED), routed()], ["queued", "cancelled"]),
        # What was answered to the owner stands over what only we knew; the provider's word over both.
        ([rejected(), closed(ClosedWhy.CANCELLED)], ["failed", "cancelled"]),
        ([routed(), closed(ClosedWhy.CANCELLED), closed(ClosedWhy.EXPIRED)], ["queued", "cancelled"]),
        ([routed(), closed(ClosedWhy.CANCELLED), outcome(REFUSED)], ["queued", "cancelled", "failed"]),
        ([routed(), closed(ClosedWhy.EXPIRED), outcome(ACCEPTED)], ["queued", "failed", "sent"]),
        # Asked: by the id that the provider gave.
        ([routed(), outcome(ACCEPTED), reported("undelivered")], ["queued", "sent", "undelivered"]),
        ([routed(), ambiguous(), reported("sent")], ["queued", "unknown", "sent"]),
    ],
)  # fmt: skip
def test_a_message_goes_its_way(facts: list[AnyFact], expected: list[str]) -> None:
    _, records = told(facts)
    assert states(records) == expected


def test_nothing_is_told_before_the_content_is_known() -> None:
    row, records = told([outcome(ACCEPTED), receipt("delivered")])
    assert records == []
    assert state_of(row) is State.DELIVERED


def test_a_record_has_the_whole_picture() -> None:
    _, (queued, sent, delivered) = told([routed(), outcome(ACCEPTED), receipt("delivered")])
    for record in (queued, sent, delivered):
        assert (record.text, record.to_number, record.reference) == ("hello", "+15557654321", "r-1")
        assert (record.fingerprint, record.accepted_at, record.forget_at) == ("1:abc", 50, FORGET_AT)
        assert (record.provider, record.account, record.attempt) == (Provider.TWILIO, "tw-main", 1)
        assert record.reason == "because"
        assert record.failure is None
    assert [r.id for r in (queued, sent, delivered)] == [ids.of_transition(MESSAGE, n) for n in (1, 2, 3)]
    assert [r.at for r in (queued, sent, delivered)] == [100, 201, 400]
    assert [r.previous for r in (queued, sent, delivered)] == [None, State.QUEUED, State.SENT]
    assert (queued.provider_message_id, delivered.provider_message_id) == (None, "SM1")


@pytest.mark.parametrize(
    ("fact", "code", "provider_code"),
    [
        (outcome(REFUSED), "rejected", "21211"),
        (receipt("failed"), "failed", "30003"),
        (receipt("undelivered"), "undelivered", "30003"),
        (reported("undelivered"), "undelivered", "30003"),
        (closed(ClosedWhy.EXPIRED), "expired", None),
        (closed(ClosedWhy.OPTED_OUT), "opted_out", None),
        (rejected("sender_suspended"), "sender_suspended", None),
    ],
)
def test_a_failure_says_why(fact: AnyFact, code: str, provider_code: str | None) -> None:
    _, records = told([routed(), outcome(THROTTLED, nonce="n1"), fact])
    failure = records[-1].failure
    assert failure is not None
    assert (failure.code, failure.provider_code) == (code, provider_code)
    assert failure.detail
    assert records[-1].account == "tw-main"


def test_what_route_refused_and_its_owner_cancelled_keeps_its_provider() -> None:
    """A door that sees a row without one takes it for what no door has accepted."""
    refused = rejected().model_copy(update={"provider": Provider.TWILIO})
    both: list[AnyFact] = [refused, closed(ClosedWhy.CANCELLED)]
    for facts in permutations(both):
        _, records = told(facts)
        assert states(records)[-1] == "cancelled"
        assert [record.provider for record in records] == [Provider.TWILIO] * len(records)


@pytest.mark.parametrize("taken_back", [True, False])
def test_a_refusal_says_whether_a_door_had_accepted_it(taken_back: bool) -> None:
    late = rejected().model_copy(update={"taken_back": taken_back})
    # Another fact after it: the row goes through its bytes in between.
    _, records = told([late, closed(ClosedWhy.CANCELLED)])
    assert [record.taken_back for record in records] == [taken_back, taken_back]


def test_a_conflict_names_the_message_that_has_the_key() -> None:
    conflict = rejected("conflict").model_copy(update={"conflicts_with": "the-first"})
    _, (record,) = told([conflict])
    assert (record.status, record.conflicts_with, record.attempt) == (State.FAILED, "the-first", None)


# ---- receipts that are not for us to believe


def test_a_receipt_for_a_hand_over_that_is_not_ours_moves_nothing() -> None:
    foreign = [
        receipt("delivered", nonce="forged"),
        receipt("delivered", account="tw-other"),
        receipt("delivered", attempt=2),
    ]
    facts: list[AnyFact] = [*foreign, routed(), outcome(ACCEPTED)]
    for order in permutations(facts):
        row, records = told(order)
        assert state_of(row) is State.SENT
        assert states(records)[-1] == "sent"


def test_forged_receipts_push_no_real_one_out_and_leave_the_row_small() -> None:
    flood = [receipt("failed", nonce=f"{n:04}", account="tw-evil") for n in range(200)]
    row, _ = told([*flood, receipt("delivered"), *flood])
    assert row.aside is not None
    assert len(row.aside) == MOST_ASIDE + 1
    row, records = told([*flood, receipt("delivered"), *flood, routed(), outcome(ACCEPTED)])
    assert states(records) == ["queued", "delivered"]


# ---- any order, any repetition

THOROUGH = settings(max_examples=250, deadline=None)
#: For what is expected to fail: the first counterexample will do.
QUICK = settings(THOROUGH, derandomize=True, report_multiple_bugs=False, phases=[Phase.generate])

ATTEMPTS = st.integers(1, 3)
NONCES = st.sampled_from(["n1", "n2", "n3", "forged"])
ACCOUNTS = st.sampled_from(["tw-main", "tw-other"])
FACTS = st.one_of(
    st.builds(routed, ACCOUNTS, st.integers(100, 103)),
    st.just(rejected()),
    st.builds(
        outcome, st.sampled_from([ACCEPTED, REFUSED, THROTTLED, UNAVAILABLE]), ATTEMPTS, NONCES, ACCOUNTS
    ),
    st.builds(ambiguous, ATTEMPTS, st.lists(NONCES, min_size=1, max_size=2).map(tuple), ACCOUNTS),
    st.builds(receipt, st.sampled_from(ReceiptStatus), ATTEMPTS, NONCES, ACCOUNTS, st.integers(400, 403)),
    st.builds(reported, st.sampled_from(ReceiptStatus), ATTEMPTS),
    st.builds(closed, st.sampled_from(ClosedWhy)),
)


@st.composite
def heard_twice(draw: st.DrawFn) -> tuple[list[AnyFact], list[AnyFact]]:
    """The same facts in two orders, with any repetitions."""
    facts = draw(st.lists(FACTS, min_size=1, max_size=9))
    repeats = st.lists(st.sampled_from(facts), max_size=4)
    return draw(st.permutations(facts + draw(repeats))), draw(st.permutations(facts + draw(repeats)))


#: What of one attempt holds over the other, by what a provider may say of one that it has taken.
TAKEN = (State.SENT, State.FAILED, State.UNDELIVERED)
#: What policies have made of deadlines: an attempt that counts as failed, or that was sent again.
Judged = tuple[Literal["failed", "resent"], int]


def expected(facts: Sequence[AnyFact], judged: Sequence[Judged] = ()) -> State | None:
    """The state as docs/streams.md says it, from the whole set at once."""
    ours = [f for f in facts if isinstance(f, OutcomeFact | AmbiguousFact)]
    named = {
        (f.attempt, nonce, f.account)
        for f in ours
        for nonce in (f.nonces if isinstance(f, AmbiguousFact) else (f.nonce,))
    }
    said = {
        (f.attempt, State(f.status))
        for f in facts
        if isinstance(f, Reported) or (isinstance(f, Receipt) and (f.attempt, f.nonce, f.account) in named)
    }
    kinds = {(f.attempt, f.outcome.kind) for f in facts if isinstance(f, OutcomeFact)}
    taken = said | {(attempt, State.SENT) for attempt, kind in kinds if kind == "accepted"}
    if State.DELIVERED in {state for _, state in taken}:
        return State.DELIVERED
    if taken:
        return max(taken, key=lambda one: (one[0], TAKEN.index(one[1])))[1]
    why = {f.why for f in facts if isinstance(f, Closed)}
    types = {type(f) for f in facts}
    for holds, state in (
        ("rejected" in {kind for _, kind in kinds}, State.FAILED),
        (ClosedWhy.CANCELLED in why, State.CANCELLED),
        (bool(why) or Rejected in types or "failed" in {word for word, _ in judged}, State.FAILED),
    ):
        if holds:
            return state
    # While it lies with us, its last attempt speaks: unknown, unless that was only refused for now.
    again = [attempt + 1 for word, attempt in judged if word == "resent"]
    last = max((*(f.attempt for f in ours), *again), default=0)
    if any(isinstance(f, AmbiguousFact) and f.attempt == last for f in ours):
        return State.UNKNOWN
    return State.QUEUED if ours or again or Routed in types else None


def knows(facts: Sequence[AnyFact]) -> bool:
    return any(isinstance(f, Routed | Rejected) for f in facts)


def same_in_any_order(by: Fold, how: settings = THOROUGH) -> None:
    @how
    @given(heard_twice())
    def check(twice: tuple[list[AnyFact], list[AnyFact]]) -> None:
        one, other = (told(facts, by) for facts in twice)
        assert state_of(one[0]) is expected(twice[0])
        assert state_of(other[0]) is state_of(one[0])
        assert (one[0].fate, one[0].open, one[0].aside) == (other[0].fate, other[0].open, other[0].aside)
        for facts, (_, records) in zip(twice, (one, other), strict=True):
            if knows(facts):
                assert records[-1].status is expected(facts)
            else:
                assert not records

    check()


def test_any_order_and_repetition_ends_in_the_same_state() -> None:
    same_in_any_order(fold)


def last_writer_wins(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive fold: each fact decides, whatever came before it."""
    if row is not None:
        row = row._replace(fate=None, open=None)
    return fold(row, fact, offset)


def test_a_fold_in_which_the_last_fact_wins_does_not() -> None:
    with pytest.raises(AssertionError):
        same_in_any_order(last_writer_wins, QUICK)


@THOROUGH
@given(heard_twice())
def test_every_step_is_legal_and_none_is_missing(twice: tuple[list[AnyFact], list[AnyFact]]) -> None:
    _, records = told(twice[0])
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    for before, after in pairwise([None, *records]):
        assert after is not None
        previous = None if before is None else before.status
        assert after.previous is previous
        assert after.status in MOVES[previous]
    if records:
        assert records[0].status in (State.QUEUED, State.FAILED)


# ---- replays


def replays_are_verbatim(by: Fold, how: settings = THOROUGH) -> None:
    @how
    @given(st.lists(FACTS, min_size=1, max_size=10), st.data())
    def check(facts: list[AnyFact], data: st.DataObject) -> None:
        row: Row | None = None
        first: list[list[bytes]] = []
        for offset, fact in enumerate(facts):
            row, records = by(row, fact, offset)
            first.append([record.encode() for record in records])
        assert row is not None
        restart = data.draw(st.integers(0, len(facts) - 1))
        after = row
        for offset in range(restart, len(facts)):
            after, records = by(after, facts[offset], offset)
            assert [record.encode() for record in records] == first[offset]
        assert after == row

    check()


def test_a_replayed_fact_tells_its_own_transitions_again_byte_for_byte() -> None:
    replays_are_verbatim(fold)


def forgetful(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: a fact that is in the row already is simply folded once more."""
    return fold(None if row is None else row._replace(offset=-1), fact, offset)


def test_a_fold_that_does_not_know_its_replays_loses_transitions() -> None:
    with pytest.raises(AssertionError):
        replays_are_verbatim(forgetful, QUICK)
