"""A message of a use case: its sender is told once it is chosen, and another one after a failover."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import AmbiguousFact, AnyFact, ClosedWhy, OutcomeFact, Receipt, Rerouted, Routed
from schemas.provider import Accepted, Fault, Provider, Throttled, Unavailable
from schemas.provider import Rejected as RejectedByProvider
from schemas.public import StatusRecord
from schemas.status import MOVES, State
from streams.rows import Row
from tests.unit.streams import facts as plain
from tests.unit.streams.facts import ABOUT, ACCEPTED, CONTENT, THROTTLED, UNAVAILABLE, closed, states, told
from tests.unit.streams.orders import THOROUGH

USE_CASE = "6e1f4f0c-4dd5-4d2b-9d5e-3c1d4c1f2a11"
FIRST, SECOND, THIRD = "+14155550101", "+14155550102", "+14155550103"
#: Which of them sends through which account.
ACCOUNTS = {FIRST: "tw-a", SECOND: "tw-b", THIRD: "tw-c"}
#: At most one sender for each hand-over, as it is in truth: attempt by attempt.
SENDERS = {1: FIRST, 2: SECOND, 3: THIRD}
NOT_OURS = RejectedByProvider(fault=Fault.SENDER, code="21606", detail="Not a sender of this account.")


def by(sender: str, attempt: int, at: int) -> dict[str, object]:
    account = ACCOUNTS[sender]
    return ABOUT | {
        "at": at,
        "attempt": attempt,
        "provider": Provider.TWILIO,
        "account": account,
        "sender": sender,
    }


def routed(sender: str = FIRST, at: int = 100) -> Routed:
    content = CONTENT.model_copy(update={"from_number": None, "use_case_id": USE_CASE, "send_at": 90})
    return Routed.model_validate(by(sender, 1, at) | {"reason": f"hash {sender}", "content": content})


def rerouted(sender: str, attempt: int, at: int = 0) -> Rerouted:
    fields = by(sender, attempt, at or 250 + attempt) | {"reason": f"failover {sender}"}
    return Rerouted.model_validate(fields)


def outcome(
    what: Accepted | RejectedByProvider | Throttled | Unavailable,
    attempt: int = 1,
    *,
    again: bool = False,
    sender: str = "",
) -> OutcomeFact:
    told_of = by(sender or SENDERS[attempt], attempt, 200 + 100 * attempt)
    said = {"nonce": f"n{attempt}", "record": plain.RECORD, "outcome": what, "again": again}
    return OutcomeFact.model_validate(told_of | said)


def ambiguous(attempt: int = 1) -> AmbiguousFact:
    fields = by(SENDERS[attempt], attempt, 210 + 100 * attempt)
    return AmbiguousFact.model_validate(fields | {"nonces": (f"n{attempt}",), "detail": "timeout"})


def receipt(status: str, attempt: int = 1) -> Receipt:
    return plain.receipt(status, attempt, f"n{attempt}", ACCOUNTS[SENDERS[attempt]])


def senders(records: Sequence[StatusRecord]) -> list[tuple[str, str | None]]:
    return [(record.status.value, record.from_number) for record in records]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([routed()], [("queued", FIRST)]),
        ([routed(), outcome(ACCEPTED), receipt("delivered")],
         [("queued", FIRST), ("sent", FIRST), ("delivered", FIRST)]),
        # Refused for its sender: another one takes it over.
        ([routed(), outcome(NOT_OURS, again=True), rerouted(SECOND, 2), outcome(ACCEPTED, 2)],
         [("queued", FIRST), ("sent", SECOND)]),
        ([routed(), rerouted(SECOND, 2), outcome(NOT_OURS, again=True), outcome(ACCEPTED, 2)],
         [("queued", FIRST), ("sent", SECOND)]),
        # No attempt was made: the account could not be reached.
        ([routed(), rerouted(SECOND, 1), closed(ClosedWhy.EXPIRED)], [("queued", FIRST), ("failed", SECOND)]),
        ([routed(), rerouted(SECOND, 1), closed(ClosedWhy.CANCELLED)],
         [("queued", FIRST), ("cancelled", SECOND)]),
        ([routed(), rerouted(SECOND, 1, 251), rerouted(THIRD, 1, 252), closed(ClosedWhy.EXPIRED)],
         [("queued", FIRST), ("failed", THIRD)]),
        ([routed(), rerouted(SECOND, 1), outcome(ACCEPTED, 1, sender=SECOND)],
         [("queued", FIRST), ("sent", SECOND)]),
        # Receipts say nothing of the sender: the hand-over does.
        ([routed(), outcome(THROTTLED), rerouted(SECOND, 2), ambiguous(2), receipt("delivered", 2)],
         [("queued", FIRST), ("unknown", SECOND), ("delivered", SECOND)]),
        ([receipt("delivered", 2), routed(), rerouted(SECOND, 2), ambiguous(2)],
         [("queued", FIRST), ("delivered", SECOND)]),
        # Nobody was left: the last one was tried once more.
        ([routed(), outcome(NOT_OURS, again=True), outcome(NOT_OURS, 2, sender=FIRST)],
         [("queued", FIRST), ("failed", FIRST)]),
    ],
)  # fmt: skip
def test_the_sender_is_told(facts: list[AnyFact], expected: list[tuple[str, str]]) -> None:
    _, records = told(facts)
    assert senders(records) == expected
    for record in records:
        assert (record.use_case_id, record.send_at) == (USE_CASE, 90)
        # Why it was chosen goes with it, and so does its account.
        assert record.reason in {f"hash {record.from_number}", f"failover {record.from_number}"}
        assert record.account == ACCOUNTS[record.from_number or ""]


def test_who_was_refused_before_a_sender_was_chosen_has_none() -> None:
    refused = plain.rejected("no_sender").model_copy(
        update={"content": CONTENT.model_copy(update={"from_number": None, "use_case_id": USE_CASE})}
    )
    _, (record,) = told([refused])
    assert (record.status, record.from_number, record.use_case_id) == (State.FAILED, None, USE_CASE)


def test_a_sender_that_was_asked_for_is_told_as_it_was_asked_for() -> None:
    _, records = told([plain.routed(), plain.outcome(ACCEPTED), plain.receipt("delivered")])
    assert [record.from_number for record in records] == [CONTENT.from_number] * 3


def test_a_refusal_after_which_another_sender_is_tried_ends_nothing() -> None:
    row, records = told([routed(), outcome(NOT_OURS, again=True)])
    assert states(records) == ["queued"]
    assert row.word is not None
    assert row.word.state is State.QUEUED
    # But it is shown among the attempts, with the next transition.
    _, records = told([routed(), outcome(NOT_OURS, again=True), rerouted(SECOND, 2), outcome(ACCEPTED, 2)])
    attempts = [(one.number, one.sender, one.outcome.value) for one in records[-1].attempts]
    assert attempts == [(1, FIRST, "rejected"), (2, SECOND, "accepted")]


# ---- any order, any repetition

ATTEMPTS = st.integers(1, 3)
FACTS = st.one_of(
    st.just(routed()),
    st.builds(rerouted, st.just(SECOND), st.just(2)),
    st.builds(rerouted, st.just(THIRD), st.just(3)),
    st.builds(outcome, st.sampled_from([ACCEPTED, NOT_OURS, THROTTLED, UNAVAILABLE]), ATTEMPTS),
    st.builds(lambda attempt: outcome(NOT_OURS, attempt, again=True), ATTEMPTS),
    st.builds(ambiguous, ATTEMPTS),
    st.builds(receipt, st.sampled_from(["sent", "delivered", "undelivered", "failed"]), ATTEMPTS),
    st.builds(closed, st.sampled_from(ClosedWhy)),
)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[AnyFact], list[AnyFact]]:
    """The same facts in two orders, with any repetitions; `routed` among them."""
    facts = [routed(), *draw(st.lists(FACTS, min_size=1, max_size=8))]
    repeats = st.lists(st.sampled_from(facts), max_size=4)
    return draw(st.permutations(facts + draw(repeats))), draw(st.permutations(facts + draw(repeats)))


def speaks_of(row: Row) -> tuple[State, int | None, str | None] | None:
    word = row.word
    return None if word is None else (word.state, word.attempt, word.sender)


@THOROUGH
@given(orders())
def test_any_order_and_repetition_ends_with_the_same_sender(
    twice: tuple[list[AnyFact], list[AnyFact]],
) -> None:
    (one, records), (other, _) = (told(facts) for facts in twice)
    assert speaks_of(one) == speaks_of(other)
    for record in records:
        assert record.status in MOVES[record.previous]
        assert record.from_number == SENDERS[record.attempt or 1]
