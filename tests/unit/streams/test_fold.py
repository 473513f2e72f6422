"""The fold: any order and repetition of a message's facts ends in the same state, by legal, gapless steps."""

from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings

from schemas import ids
from schemas.facts import (
    AnyFact,
    ClosedWhy,
    Rejected,
    Routed,
)
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import MOVES, State
from streams.fold import MOST_ASIDE, fold
from streams.rows import Row
from tests.unit.streams.facts import (
    ACCEPTED,
    FORGET_AT,
    MESSAGE,
    REFUSED,
    THROTTLED,
    UNAVAILABLE,
    Fold,
    ambiguous,
    closed,
    outcome,
    receipt,
    rejected,
    reported,
    routed,
    state_of,
    states,
    told,
)
from tests.unit.streams.orders import QUICK, THOROUGH, expected, heard_twice, replays_are_verbatim

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


def test_a_replayed_fact_tells_its_own_transitions_again_byte_for_byte() -> None:
    replays_are_verbatim(fold)


def forgetful(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: a fact that is in the row already is simply folded once more."""
    return fold(None if row is None else row._replace(offset=-1), fact, offset)


def test_a_fold_that_does_not_know_its_replays_loses_transitions() -> None:
    with pytest.raises(AssertionError):
        replays_are_verbatim(forgetful, QUICK)
