"""What status records tell of a message's past: its transitions and its attempts, the same each time."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import DecodeError
from schemas.facts import AmbiguousFact, AnyFact, ClosedWhy, OutcomeFact
from schemas.messages import Content
from schemas.provider import Fault, Provider, Throttled
from schemas.public import Attempt, AttemptOutcome, SettledBy, StatusRecord, Step
from schemas.status import State
from schemas.topics import STATUS, catalogue
from streams import rows, tries
from streams.fold import fold
from streams.rows import Row
from tests.unit.streams.facts import (
    ACCEPTED,
    REFUSED,
    SENDER,
    THROTTLED,
    UNAVAILABLE,
    Fold,
    ambiguous,
    closed,
    outcome,
    receipt,
    rejected,
    routed,
    told,
)
from tests.unit.streams.orders import QUICK, THOROUGH, heard_twice, replays_are_verbatim

ALL = 1 << 60
#: Fewer examples than elsewhere: each is long.
LONG = settings(THOROUGH, max_examples=60)


def numbers(record: StatusRecord) -> list[int]:
    return [attempt.number for attempt in record.attempts]


def outcomes(record: StatusRecord) -> list[tuple[int, str]]:
    return [(attempt.number, attempt.outcome.value) for attempt in record.attempts]


def test_a_record_tells_the_transitions_up_to_it() -> None:
    _, records = told([routed(), ambiguous(), outcome(ACCEPTED), receipt("delivered")])
    steps = [
        Step(status=State.QUEUED, at=100),
        Step(status=State.UNKNOWN, at=301),
        Step(status=State.SENT, at=201, settled_by=SettledBy.ANSWER),
        Step(status=State.DELIVERED, at=400),
    ]
    assert [list(record.history) for record in records] == [steps[:1], steps[:2], steps[:3], steps]


def test_an_attempt_says_through_whom_it_went_and_what_came_of_it() -> None:
    throttled = outcome(Throttled(code="20429", detail="Too many."))
    facts: list[AnyFact] = [routed(), throttled, outcome(UNAVAILABLE, 2, "n2"), outcome(REFUSED, 3, "n3")]
    _, records = told(facts)
    via = {"provider": Provider.TWILIO, "account": "tw-main", "sender": SENDER}
    assert records[0].attempts == ()
    assert records[-1].attempts == (
        Attempt(
            number=1,
            at=201,
            outcome=AttemptOutcome.THROTTLED,
            provider_code="20429",
            detail="Too many.",
            **via,
        ),
        Attempt(number=2, at=202, outcome=AttemptOutcome.UNAVAILABLE, detail="connection refused", **via),
        Attempt(
            number=3,
            at=203,
            outcome=AttemptOutcome.REJECTED,
            provider_code="21211",
            fault=Fault.RECIPIENT,
            detail="Not a number.",
            **via,
        ),
    )  # fmt: skip
    _, records = told([routed(), outcome(ACCEPTED)])
    assert records[-1].attempts == (
        Attempt(number=1, at=201, outcome=AttemptOutcome.ACCEPTED, provider_message_id="SM1", **via),
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # The provider's own word over `unknown`, that over a refusal for now; whichever came first.
        ([routed(), ambiguous(), outcome(ACCEPTED)], [(1, "accepted")]),
        ([routed(), outcome(REFUSED), ambiguous(), receipt("sent")], [(1, "rejected")]),
        ([routed(), ambiguous(), outcome(THROTTLED), closed(ClosedWhy.EXPIRED)], [(1, "unknown")]),
        ([routed(), outcome(THROTTLED), ambiguous()], [(1, "unknown")]),
        # By number, not by arrival.
        (
            [routed(), outcome(ACCEPTED, 2, "n2"), outcome(THROTTLED), receipt("delivered", 2, "n2")],
            [(1, "throttled"), (2, "accepted")],
        ),
        # What came before the content was known.
        ([outcome(THROTTLED), ambiguous(2, ("n2",)), routed()], [(1, "throttled"), (2, "unknown")]),
        # A receipt says that the provider has it.
        ([routed(), ambiguous(), receipt("sent")], [(1, "accepted")]),
        ([routed(), ambiguous(), receipt("failed")], [(1, "accepted")]),
        ([receipt("delivered"), ambiguous(), routed()], [(1, "accepted")]),
        ([routed(), ambiguous(), receipt("delivered", nonce="forged"), closed(ClosedWhy.EXPIRED)],
         [(1, "unknown")]),
        ([routed(), ambiguous(), ambiguous(2, ("n2",)), receipt("delivered", 2, "n2")],
         [(1, "unknown"), (2, "accepted")]),
        ([rejected()], []),
        ([routed(), closed(ClosedWhy.CANCELLED)], []),
    ],
)  # fmt: skip
def test_the_weightiest_word_on_each_attempt_is_told(
    facts: list[AnyFact], expected: list[tuple[int, str]]
) -> None:
    _, records = told(facts)
    assert outcomes(records[-1]) == expected


def test_a_receipt_that_settles_an_attempt_says_when_and_by_which_id() -> None:
    _, records = told([routed(), ambiguous(), receipt("sent", at=401), receipt("delivered", at=450)])
    assert [record.attempts[0].at for record in records[1:]] == [301, 401, 401]
    (attempt,) = records[-1].attempts
    assert (attempt.provider_message_id, attempt.detail) == ("SM1", None)


def test_a_rejected_message_names_the_provider_that_its_acceptance_named() -> None:
    _, (at_the_door,) = told([rejected()])
    assert (at_the_door.status, at_the_door.provider) == (State.FAILED, None)
    later = rejected().model_copy(update={"provider": Provider.VONAGE})
    _, (accepted_before,) = told([later])
    assert (accepted_before.status, accepted_before.provider) == (State.FAILED, Provider.VONAGE)
    assert (accepted_before.account, accepted_before.attempt) == (None, None)


# ---- any order, any repetition


def said_of(facts: Sequence[AnyFact], number: int) -> str:
    """What is held of an attempt, as docs/streams.md says it, from the whole set at once."""
    ours = [f for f in facts if isinstance(f, OutcomeFact | AmbiguousFact) and f.attempt == number]
    kinds = {"unknown" if isinstance(f, AmbiguousFact) else f.outcome.kind for f in ours}
    return next(
        kind for kind in ("accepted", "rejected", "unknown", "throttled", "unavailable") if kind in kinds
    )


@settings(THOROUGH, max_examples=120)
@given(heard_twice())
def test_any_order_and_repetition_ends_with_the_same_attempts(
    twice: tuple[list[AnyFact], list[AnyFact]],
) -> None:
    one, other = (tries.known_at(told(facts)[0].tries, ALL) for facts in twice)
    assert [(a.number, a.at, a.outcome) for a in one] == [(a.number, a.at, a.outcome) for a in other]
    assert one == other
    attempted = {f.attempt for f in twice[0] if isinstance(f, OutcomeFact | AmbiguousFact)}
    refused_for_now = {AttemptOutcome.THROTTLED, AttemptOutcome.UNAVAILABLE}
    assert [a.number for a in one] == sorted(attempted)
    for attempt in one:
        said = AttemptOutcome(said_of(twice[0], attempt.number))
        assert attempt.outcome is said or {attempt.outcome, said} <= refused_for_now


# ---- many attempts

#: Transitions to and fro, so that there is something told at many moments.
MANY: st.SearchStrategy[list[AnyFact]] = st.permutations(range(1, 31)).flatmap(
    lambda order: st.tuples(
        *(
            st.sampled_from(
                [outcome(THROTTLED, n, f"n{n}"), ambiguous(n, (f"n{n}",)), outcome(UNAVAILABLE, n)]
            )
            for n in order
        )
    ).map(lambda facts: [routed(), *facts])
)


def far_replays_are_verbatim(by: Fold, how: settings = LONG) -> None:
    @how
    @given(MANY)
    def check(facts: list[AnyFact]) -> None:
        row: Row | None = None
        first: list[list[bytes]] = []
        for offset, fact in enumerate(facts):
            row, records = by(row, fact, offset)
            first.append([record.encode() for record in records])
        for offset, fact in enumerate(facts):
            row, records = by(row, fact, offset)
            assert [record.encode() for record in records] == first[offset]

    check()


def test_a_replay_from_long_ago_tells_the_attempts_that_were_known_then() -> None:
    far_replays_are_verbatim(fold)


def short_of_memory(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: keeps what it would show now, and no more."""
    row, records = fold(row, fact, offset)
    return row._replace(tries=row.tries[-tries.MOST_SHOWN :]), records


def up_to_date(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: tells what is known by now."""
    row, records = fold(row, fact, offset)
    known = tuple(tries.known_at(row.tries, ALL))
    return row, [record.model_copy(update={"attempts": known}) for record in records]


@pytest.mark.parametrize("naive", [short_of_memory, up_to_date])
def test_a_fold_without_the_past_does_not(naive: Fold) -> None:
    with pytest.raises(AssertionError):
        far_replays_are_verbatim(naive, QUICK)


def test_nor_does_it_with_few_attempts() -> None:
    with pytest.raises(AssertionError):
        replays_are_verbatim(up_to_date, QUICK)


@LONG
@given(MANY, st.randoms(use_true_random=False))
def test_the_latest_twenty_are_told_whatever_their_order(facts: list[AnyFact], chance: Random) -> None:
    shuffled = list(facts)
    chance.shuffle(shuffled)
    for order in (facts, shuffled):
        row, _ = told([*order, outcome(ACCEPTED, 31, "n31")])
        known = tries.known_at(row.tries, ALL)
        assert [attempt.number for attempt in known] == list(range(12, 32))


def test_refusals_without_end_do_not_make_a_row_grow_with_tries() -> None:
    facts: list[AnyFact] = [routed(), *(outcome(THROTTLED, n, f"n{n}") for n in range(1, 300))]
    for order in (facts, facts[::-1]):
        assert len(told(order)[0].tries) == tries.MOST_SHOWN
    _, records = told([*facts, closed(ClosedWhy.EXPIRED)])
    assert numbers(records[-1]) == list(range(280, 300))


# ---- rows of the versions before, and sizes

#: What versions 1 and 2 have of routed, ambiguous, accepted: words that do not say how they came to be known.
_OF_BOTH = (
    b"\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x89T@"
    b'["0190-m",2,9000000,["acme",{"from_number":"+15550100001","to_number":"+15557654321","text":"hello",'
    b'"media":[],"segments":1,"reference":"r-1","fingerprint":"1:abc","accepted_at":50},'
    b'[0,100,1,"twilio","tw-main",null,null],"because",null],[1,301,1,"twilio","tw-main",null,null],'
    b'[6,201,1,"twilio","tw-main","SM1",null],["1 n1 tw-main"],null,'
    b'[[0,[0,100,1,"twilio","tw-main",null,null]],[1,[1,301,1,"twilio","tw-main",null,null]],'
    b'[2,[6,201,1,"twilio","tw-main","SM1",null]]]'
)
OLDEST = b"\x01" + _OF_BOTH + b"]"
OLD = (
    b"\x02" + _OF_BOTH + b',[[1,{"number":1,"at":301,"provider":"twilio","account":"tw-main",'
    b'"sender":"+15550100001","outcome":"unknown","provider_message_id":null,"provider_code":null,'
    b'"fault":null,"detail":"timeout"}],[2,{"number":1,"at":201,"provider":"twilio","account":"tw-main",'
    b'"sender":"+15550100001","outcome":"accepted","provider_message_id":"SM1","provider_code":null,'
    b'"fault":null,"detail":null}]]]'
)


#: Version 3 says it, and has what policies need; it has no senders.
RECENT = (
    b"\x03"
    + OLD[1:].replace(b"null,null]", b"null,null,null]").replace(b'"SM1",null]', b'"SM1",null,"answer"]')[:-1]
    + b",false,[]]"
)
#: Version 4 has senders; it has no trace.
LATEST = (
    b"\x04\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x89T@"
    b'["0190-m",2,9000000,["acme",{"from_number":"+15550100001","use_case_id":null,'
    b'"to_number":"+15557654321","text":"hello","media":[],"segments":1,"reference":"r-1",'
    b'"fingerprint":"1:abc","accepted_at":50,"send_at":null},'
    b'[0,100,1,"twilio","tw-main",null,null,null,"+15550100001"],"because",null,false],'
    b'[1,301,1,"twilio","tw-main",null,null,null,"+15550100001"],'
    b'[6,201,1,"twilio","tw-main","SM1",null,"answer","+15550100001"],{"1 n1 tw-main":"+15550100001"},null,'
    b'[[0,[0,100,1,"twilio","tw-main",null,null,null,"+15550100001"],null],'
    b'[1,[1,301,1,"twilio","tw-main",null,null,null,"+15550100001"],null],'
    b'[2,[6,201,1,"twilio","tw-main","SM1",null,"answer","+15550100001"],null]]'
    + OLD[OLD.index(b',[[1,{"number":1') : -1]
    + b",false,[],null]"
)


def of_old(row: rows.Row, version: int) -> rows.Row:
    """The row without what versions before that did not write."""
    if version >= 4:
        return row._replace(trace=None)

    def word(one: rows.Word) -> rows.Word:
        return one._replace(sender=None, by=None if version < 3 else one.by)

    return row._replace(
        origin=row.origin and row.origin._replace(word=word(row.origin.word)),
        open=row.open and word(row.open),
        fate=row.fate and word(row.fate),
        named=dict.fromkeys(row.named, ""),
        told=tuple(one._replace(word=word(one.word)) for one in row.told),
        tries=() if version < 2 else row.tries,
    )


@pytest.mark.parametrize("old", [OLDEST, OLD, RECENT, LATEST], ids=lambda old: f"version {old[0]}")
def test_a_row_of_a_version_before_goes_on(old: bytes) -> None:
    row = rows.decode(old)
    assert row == of_old(told([routed(), ambiguous(), outcome(ACCEPTED)])[0], version=old[0])
    assert (row.cancel_asked, row.resends) == (False, ())
    row, (delivered,) = fold(row, receipt("delivered"), 3)
    assert [step.status.value for step in delivered.history] == ["queued", "unknown", "sent", "delivered"]
    assert outcomes(delivered) == ([] if old is OLDEST else [(1, "accepted")])
    assert delivered.from_number == SENDER
    assert rows.decode(rows.encode(row)) == row
    # Recovery finds both, and keeps the one that has heard more.
    assert rows.keep(old, rows.encode(row)) == rows.encode(row)
    assert rows.keep(rows.encode(row._replace(offset=1)), old) == old
    assert rows.forgotten(old, 9_000_000)


@pytest.mark.parametrize("version", [0, 6])
def test_a_row_of_another_version_is_not_guessed_at(version: int) -> None:
    with pytest.raises(DecodeError):
        rows.decode(bytes([version]) + OLD[1:])


def test_the_largest_status_record_is_far_below_what_its_topic_takes() -> None:
    longest = Content(
        from_number=SENDER,
        to_number="+155576543210123",
        text="\x01" * 1600,  # six bytes each in JSON
        media=tuple(f"https://example.com/{n}/".ljust(2048, "x") for n in range(10)),
        segments=10,
        reference="\x01" * 256,
        fingerprint="1:" + "a" * 32,
        accepted_at=1_700_000_000_000,
    )
    detail = "\x01" * 300
    facts: list[AnyFact] = [routed().model_copy(update={"content": longest})]
    facts += [outcome(Throttled(code="x" * 300, detail=detail), n, f"n{n}") for n in range(1, 30)]
    facts += [ambiguous(30).model_copy(update={"detail": detail})]
    row, records = told(facts)
    (limit,) = {topic.max_message_bytes for topic in catalogue() if topic.name == STATUS}
    assert len(records[-1].encode()) * 8 < limit
    assert len(rows.encode(row)) * 8 < limit
