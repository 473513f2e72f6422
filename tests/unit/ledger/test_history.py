"""The claim that a rebuild makes of one message's records, against the protocol's own model of it."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.claims import Absent, Closed, Open, Via
from ledger.history import (
    ClaimFact,
    History,
    Rebuilt,
    ambiguous_facts,
    cancelled_facts,
    rebuilt,
    settles,
)
from schemas.facts import AmbiguousFact, CancelAsked, ClosedWhy, OutcomeFact
from schemas.facts import Closed as ClosedFact
from schemas.provider import Accepted, Certain, Fault, Provider, Rejected, Throttled, Unavailable
from schemas.tasks import Intent, RecordId

FORGET_AT = 4_000_000_000_000
CAME_TO: dict[str, Certain] = {
    "accepted": Accepted(provider_message_id="SM1"),
    "rejected": Rejected(fault=Fault.CONTENT, detail="no"),
    "sender refused": Rejected(fault=Fault.SENDER, detail="not its number"),
    "throttled": Throttled(),
    "unavailable": Unavailable(detail="refused"),
}
COMMON = {"message_id": "m", "organization": "acme", "at": 1, "forget_at": FORGET_AT}
MAIN, SPARE = (Via(Provider.TWILIO, account, "+15550100") for account in ("main", "spare"))
SENDER = {"provider": Provider.TWILIO, "account": "main"}


def record(attempt: int) -> RecordId:
    return RecordId(topic="t", partition=0, offset=attempt)


def intent(attempt: int, nonce: str, account: str = "main") -> Intent:
    return Intent(
        message_id="m", organization="acme", attempt=attempt, nonce=nonce, record=record(attempt),
        provider=Provider.TWILIO, account=account, sender="+15550100", forget_at=FORGET_AT,
    )  # fmt: skip


def outcome(attempt: int, nonce: str, kind: str) -> OutcomeFact:
    return OutcomeFact(
        **COMMON, **SENDER, sender="+15550100", attempt=attempt, nonce=nonce, record=record(attempt),
        outcome=CAME_TO[kind], again=kind == "sender refused",
    )  # fmt: skip


def ambiguous(attempt: int, *nonces: str) -> AmbiguousFact:
    return AmbiguousFact(
        **COMMON, **SENDER, sender="+15550100", attempt=attempt, nonces=nonces, detail="timeout"
    )


def cancel_asked(attempt: int) -> CancelAsked:
    return CancelAsked(**COMMON, attempt=attempt)


def closed(why: ClosedWhy) -> ClosedFact:
    return ClosedFact(**COMMON, why=why)


def model(intents: Sequence[Intent], voids: set[str], kinds: Sequence[tuple[str, int]]) -> Rebuilt:
    """`rebuilt` of the protocol's model, but for receipts, names and the attempt of closed(sent)."""
    names = {kind for kind, _ in kinds}
    if names & {"accepted", "rejected"}:
        return Closed("sent", max(k for kind, k in kinds if kind in {"accepted", "rejected"}))
    if "cancelled" in names:
        return Closed("cancelled", 0)
    standing = [i for i in intents if i.nonce not in voids]
    attempt = max((i.attempt for i in standing), default=0)
    asked = ("cancel-asked", attempt + 1) in kinds and "ambiguous" not in names
    if not attempt:
        return Closed("cancelled", 0) if asked else Absent()
    retried = {"throttled", "unavailable", "sender refused"}
    again = any(kind in retried and k == attempt for kind, k in kinds)
    if not again or ("ambiguous", attempt) in kinds:
        maybe = [(i.nonce, MAIN if i.account == "main" else SPARE) for i in standing if i.attempt == attempt]
        return Closed("unknown", attempt, *(maybe[0] if len(maybe) == 1 else ()))
    if asked:
        return Closed("cancelled", 0)
    return Open(attempt + 1, str(record(attempt)), "ambiguous" in names)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Intent], set[str], list[tuple[str, int]], list[ClaimFact]]:
    """As dispatchers write them: a next attempt only after what allows one; a loser may void its intent."""
    intents: list[Intent] = []
    voids: set[str] = set()
    kinds: list[tuple[str, int]] = []
    for attempt in range(1, draw(st.integers(0, 3)) + 1):
        winner, loser = f"w{attempt}", f"l{attempt}"
        intents.append(intent(attempt, winner))
        if draw(st.booleans()):
            # After a failover there may be a copy of the task that has another sender.
            intents.append(intent(attempt, loser, draw(st.sampled_from(["main", "spare"]))))
            if draw(st.booleans()):
                voids.add(loser)
        found = draw(
            st.sampled_from(
                [
                    ["throttled"],
                    ["unavailable"],
                    ["ambiguous"],
                    ["sender refused"],
                    ["ambiguous", "throttled"],
                    ["ambiguous", "sender refused"],
                    [],
                    ["accepted"],
                    ["rejected"],
                    ["ambiguous", "accepted"],
                ]
            )
        )
        kinds += [(kind, attempt) for kind in found]
        if not found or found[-1] in {"accepted", "rejected"}:
            break
    kinds += [("cancel-asked", attempt) for attempt in draw(st.sets(st.integers(1, 4), max_size=2))]
    if draw(st.integers(0, 9)) == 0:
        kinds.append(("cancelled", 0))
    return intents, voids, kinds, [fact(kind, attempt) for kind, attempt in kinds]


def fact(kind: str, attempt: int) -> ClaimFact:
    match kind:
        case "ambiguous":
            return ambiguous(attempt, f"w{attempt}")
        case "cancel-asked":
            return cancel_asked(attempt)
        case "cancelled":
            return closed(ClosedWhy.CANCELLED)
    return outcome(attempt, f"w{attempt}", kind)


@given(histories(), st.randoms(use_true_random=False))
def test_it_is_that_of_the_model_in_any_order_and_repetition(
    history: tuple[list[Intent], set[str], list[tuple[str, int]], list[ClaimFact]], random: object
) -> None:
    intents, voids, kinds, facts = history
    expected = model(intents, voids, kinds)
    assert rebuilt(intents, voids, facts) == expected
    repeated_intents, repeated_facts = intents * 2, facts * 2
    random.shuffle(repeated_intents)  # type: ignore[attr-defined]  # hypothesis' own Random
    random.shuffle(repeated_facts)  # type: ignore[attr-defined]  # likewise
    assert rebuilt(repeated_intents, voids, repeated_facts) == expected


@given(histories())
def test_what_settles_a_message_does_so_alone(
    history: tuple[list[Intent], set[str], list[tuple[str, int]], list[ClaimFact]],
) -> None:
    """A rebuild writes such a message at once and lets go of the rest of its records."""
    intents, voids, _, facts = history
    if any(map(settles, facts)):
        claim = rebuilt(intents, voids, facts)
        assert isinstance(claim, Closed)
        assert claim.why == "sent"


def test_an_ending_without_a_send_stands() -> None:
    assert rebuilt([], (), [closed(ClosedWhy.EXPIRED)]) == Closed("expired", 0)
    both = [closed(ClosedWhy.EXPIRED), closed(ClosedWhy.CANCELLED)]
    assert rebuilt([intent(1, "n")], (), both) == Closed("cancelled", 0)
    assert rebuilt([], (), [*both, outcome(1, "n", "accepted")]) == Closed("sent", 1)


def test_a_fact_stands_for_the_intent_before_it() -> None:
    assert rebuilt([], (), [ambiguous(1, "n")]) == Closed("unknown", 1, "n", MAIN)
    assert rebuilt([], (), [outcome(2, "n", "throttled")]) == Open(3, str(record(2)), maybe_sent=False)


def test_a_refusal_of_the_sender_is_open_to_the_next_one() -> None:
    """Of its message nothing is settled: `route` chooses another sender, whose task must win."""
    refused = outcome(1, "n", "sender refused")
    assert not settles(refused)
    assert rebuilt([intent(1, "n")], (), [refused]) == Open(2, str(record(1)), maybe_sent=False)
    assert settles(refused.model_copy(update={"again": False}))


def test_unknown_is_said_once_of_each_sender() -> None:
    history = History()
    for known in (intent(1, "a"), intent(1, "b"), intent(1, "c", account="other"), intent(1, "voided")):
        history.add(known)
    history.voids.add("voided")
    said = ambiguous_facts(history, now=7)
    assert [(fact.account, fact.nonces, fact.attempt, fact.at) for fact in said] == [
        ("main", ("a", "b"), 1, 7),
        ("other", ("c",), 1, 7),
    ]
    for one in said:
        history.add(one)
    assert ambiguous_facts(history, now=8) == []


def test_nothing_is_said_of_what_is_known() -> None:
    history = History(intents=[intent(1, "n")], facts=[outcome(1, "n", "throttled")])
    assert ambiguous_facts(history, now=7) == []


THROTTLED = outcome(1, "n", "throttled")
CANCELLED = Closed("cancelled", 0)


@pytest.mark.parametrize(
    ("intents", "voids", "facts", "of", "claim"),
    [
        ([], (), [], 1, CANCELLED),
        ([intent(1, "n")], ("n",), [], 1, CANCELLED),
        ([intent(1, "n")], (), [], 1, Closed("unknown", 1, "n", MAIN)),
        ([intent(1, "n")], (), [THROTTLED], 2, CANCELLED),
        ([intent(1, "n"), intent(2, "m")], ("m",), [THROTTLED], 2, CANCELLED),
        ([intent(1, "n")], (), [ambiguous(1, "n")], 1, Closed("unknown", 1, "n", MAIN)),
        ([intent(1, "n")], (), [ambiguous(1, "n")], 2, Closed("unknown", 1, "n", MAIN)),
        (
            [],
            (),
            [ambiguous(1, "n"), outcome(2, "m", "throttled")],
            3,
            Open(3, str(record(2)), maybe_sent=True),
        ),
        ([intent(1, "n")], (), [outcome(1, "n", "accepted")], 1, Closed("sent", 1)),
        ([], (), [closed(ClosedWhy.EXPIRED)], 1, Closed("expired", 0)),
        # Too late: that attempt was handed over, and its owner may have been told so.
        ([intent(1, "n")], (), [THROTTLED], 1, Open(2, str(record(1)), maybe_sent=False)),
        ([], (), [THROTTLED, outcome(2, "m", "throttled")], 2, Open(3, str(record(2)), maybe_sent=False)),
        # Of an attempt that is yet to come: no door asks so.
        ([], (), [], 2, Absent()),
    ],
)
def test_a_cancel_is_honoured_where_nothing_may_have_been_sent_and_its_attempt_is_next(
    intents: list[Intent], voids: Sequence[str], facts: list[ClaimFact], of: int, claim: Rebuilt
) -> None:
    asked = cancel_asked(of)
    for heard in permutations([*facts, asked]):
        assert rebuilt(intents, voids, heard) == claim
        assert rebuilt(intents, voids, [*heard, asked]) == claim


def test_a_wish_that_came_too_late_does_not_spoil_the_next() -> None:
    known: list[ClaimFact] = [THROTTLED, cancel_asked(1), cancel_asked(2)]
    for heard in permutations(known):
        assert rebuilt([intent(1, "n")], (), heard) == CANCELLED


def test_a_cancel_that_is_honoured_is_said_once() -> None:
    asked = cancel_asked(1)
    history = History(facts=[asked, asked])
    said = cancelled_facts(history, now=7)
    assert said == [closed(ClosedWhy.CANCELLED).model_copy(update={"at": 7})]
    history.add(said[0])
    assert cancelled_facts(history, now=8) == []
    assert cancelled_facts(History(intents=[intent(1, "n")], facts=[asked]), now=7) == []
    assert cancelled_facts(History(facts=[closed(ClosedWhy.EXPIRED), asked]), now=7) == []
