"""A message's facts in any order and repetition, and what has to come of them."""

from collections.abc import Sequence
from typing import Literal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

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
from schemas.status import State
from streams.rows import Row
from tests.unit.streams.facts import (
    ACCEPTED,
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
)

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
