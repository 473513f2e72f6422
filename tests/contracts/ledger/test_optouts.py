"""What recipients want: the highest offset holds, and a message is to be wanted in all its scopes."""

from itertools import permutations, product
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ledger import Ledger, LedgerNotReadyError
from ledger.optouts import Noted, cursor
from schemas.optouts import Consent, OptOut, Source
from tests.contracts.ledger.conftest import publish_epoch
from tests.contracts.ledger.reference import unwanted

ADA, BOB = "+14155550101", "+14155550102"
ORG, USE, OTHER = "acme", "acme/use-1", "acme/use-2"
DESK = "acme/+14155552399"


def said(
    consent: Consent,
    scope: str = ORG,
    number: str = ADA,
    at: int = 1,
    *,
    note: str = "stop",
    said_at: int | None = None,
) -> OptOut:
    organization, _, narrower = scope.partition("/")
    about = {"sender" if narrower.startswith("+") else "use_case_id": narrower or None}
    return OptOut(
        organization=organization, **about, number=number, consent=consent, source=Source.TEXT, at=at,
        said_at=said_at, note=note,
    )  # fmt: skip


async def test_nobody_is_opted_out_at_first_and_no_epoch_is_needed(empty: Ledger) -> None:
    assert await empty.opted_out([((ORG,), ADA), ((ORG, USE), BOB)]) == [False, False]
    assert await empty.opted_out([]) == []


async def test_an_opt_out_is_of_one_scope_and_number(empty: Ledger) -> None:
    await empty.note_optouts([Noted(0, said(Consent.OUT, USE))])
    reaches = [((ORG, USE), ADA), ((ORG, USE), BOB), ((ORG,), ADA), ((ORG, OTHER), ADA), (("acm",), ADA)]
    assert await empty.opted_out(reaches) == [True, False, False, False, False]
    await empty.note_optouts([Noted(7, said(Consent.OUT, ORG, BOB))])
    assert await empty.opted_out([((ORG, USE), BOB), ((ORG,), BOB), (("globex",), BOB)]) == [
        True,
        True,
        False,
    ]


async def test_the_highest_offset_holds_in_any_order_and_repetition(empty: Ledger, redis: Redis) -> None:
    records = [
        Noted(3, said(Consent.OUT, at=30)),
        Noted(12, said(Consent.IN, at=40)),
        Noted(101, said(Consent.OUT, at=50, note="two words")),
    ]
    for order in permutations([*records, records[0]]):
        await redis.flushdb()
        for one in order:
            await empty.note_optouts([one])
        await publish_epoch(empty)
        assert await empty.opted_out([((ORG,), ADA)]) == [True]
        assert await empty.wishes_of(ORG, ADA) == [records[-1].record]
    await empty.note_optouts([Noted(102, said(Consent.IN, at=60))])
    assert await empty.opted_out([((ORG,), ADA)]) == [False]


async def test_an_opt_in_that_was_said_before_the_opt_out_takes_nothing_back(
    empty: Ledger, redis: Redis
) -> None:
    """Its text came late, and its record after that of the opt-out."""
    out = Noted(1, said(Consent.OUT, at=50_000, said_at=48_000))
    late = Noted(2, said(Consent.IN, at=90_000, said_at=20_000))
    again = Noted(3, said(Consent.IN, at=91_000, said_at=47_500))
    for told, is_out in ([out, late], True), ([out, late, again], False), ([out, again, late], False):
        for order in permutations(told):
            await redis.flushdb()
            for one in order:
                await empty.note_optouts([one])
            assert await empty.opted_out([((ORG,), ADA)]) == [is_out]
    # Nor does it bring anybody back from the opt-out of the whole organization.
    await empty.note_optouts([Noted(7, said(Consent.OUT, ORG, BOB, at=50_000))])
    await empty.note_optouts([Noted(7, said(Consent.IN, USE, BOB, at=90_000, said_at=20_000))])
    assert await empty.opted_out([((ORG, USE), BOB)]) == [True]


async def test_a_late_opt_out_holds(empty: Ledger) -> None:
    await empty.note_optouts([Noted(1, said(Consent.IN, at=50_000, said_at=48_000))])
    await empty.note_optouts([Noted(2, said(Consent.OUT, at=90_000, said_at=20_000))])
    assert await empty.opted_out([((ORG,), ADA)]) == [True]


async def test_after_the_topic_was_made_anew_an_opt_out_holds_all_the_same(empty: Ledger) -> None:
    """Its offsets begin at 0 again, below those that the ledger knows."""
    await empty.note_optouts([Noted(5000, said(Consent.IN, at=50))])
    await empty.note_optouts([Noted(3, said(Consent.OUT, at=60))])
    assert await empty.opted_out([((ORG,), ADA)]) == [True]


async def test_who_is_out_of_a_number_is_so_for_each_use_case_that_gets_it(empty: Ledger) -> None:
    await empty.note_optouts(
        [Noted(1, said(Consent.OUT, USE, at=100)), Noted(1, said(Consent.OUT, DESK, at=100))]
    )
    moved, elsewhere, of_desk = ((ORG, OTHER, DESK), ADA), ((ORG, OTHER), ADA), ((ORG, DESK), ADA)
    assert await empty.opted_out([moved, elsewhere, of_desk]) == [True, False, True]
    # Back to the one that had it, to the one that has it, to all that needs no use case.
    await empty.note_optouts([Noted(2, said(Consent.IN, USE, at=200))])
    assert await empty.opted_out([((ORG, USE, DESK), ADA), moved, of_desk]) == [False, True, True]
    await empty.note_optouts([Noted(1, said(Consent.IN, ORG, at=300))])
    assert await empty.opted_out([moved, of_desk]) == [True, False]
    await empty.note_optouts([Noted(2, said(Consent.IN, DESK, at=400))])
    assert await empty.opted_out([moved, of_desk]) == [False, False]


async def test_an_opt_in_to_a_number_is_none_to_the_use_case(empty: Ledger) -> None:
    await empty.note_optouts(
        [Noted(1, said(Consent.OUT, ORG, at=100)), Noted(1, said(Consent.IN, DESK, at=200))]
    )
    assert await empty.opted_out([((ORG, USE, DESK), ADA), ((ORG, DESK), ADA)]) == [True, True]


async def test_whoever_comes_back_to_one_use_case_still_wants_none_of_the_others(empty: Ledger) -> None:
    await empty.note_optouts(
        [
            Noted(5, said(Consent.OUT, ORG, at=100, note="stopall")),
            Noted(5, said(Consent.IN, USE, at=200, note="start")),
        ]
    )
    reaches = [((ORG, USE), ADA), ((ORG, OTHER), ADA), ((ORG,), ADA), ((ORG, USE, OTHER), ADA)]
    assert await empty.opted_out(reaches) == [False, True, True, True]


async def test_an_opt_in_of_before_brings_nobody_back(empty: Ledger) -> None:
    await empty.note_optouts(
        [Noted(9, said(Consent.IN, USE, at=100)), Noted(2, said(Consent.OUT, ORG, at=100))]
    )
    assert await empty.opted_out([((ORG, USE), ADA)]) == [True]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
async def test_scripts_decide_as_the_reference_says(empty: Ledger, redis: Redis, random: Random) -> None:
    """Random histories of two people in four scopes, told in random order."""
    await redis.flushdb()
    records = [
        Noted(offset, said(random.choice(list(Consent)), random.choice((ORG, USE, OTHER, DESK)),
                           random.choice((ADA, BOB)), 1000 * random.randrange(1, 6),
                           said_at=random.choice((None, 1000 * random.randrange(1, 6)))))
        for offset in range(random.randrange(12))
    ]  # fmt: skip
    told = [*records, *random.sample(records, len(records) // 2)]
    random.shuffle(told)
    half = len(told) // 2
    await empty.note_optouts(told[:half])
    await empty.note_optouts(told[half:])
    scopes = [(ORG,), (ORG, USE), (ORG, OTHER), (ORG, USE, OTHER), (ORG, DESK), (ORG, USE, DESK)]
    reaches = list(product(scopes, (ADA, BOB)))
    assert await empty.opted_out(reaches) == [unwanted(records, *reach) for reach in reaches]


async def test_nobody_is_told_of_them_while_some_may_be_lost(empty: Ledger) -> None:
    with pytest.raises(LedgerNotReadyError):
        await empty.wishes(ORG, "", 4)
    with pytest.raises(LedgerNotReadyError):
        await empty.wishes_of(ORG, ADA)
    await publish_epoch(empty)
    assert await empty.wishes(ORG, "", 4) == await empty.wishes_of(ORG, ADA) == []


async def test_they_are_listed_by_number_page_by_page(ledger: Ledger) -> None:
    records = [
        said(Consent.OUT, scope, number, at=n, note="a b c")
        for n, (number, scope) in enumerate(product((ADA, BOB, "+1415555010"), (ORG, DESK, USE)))
    ]
    await ledger.note_optouts([Noted(n, record) for n, record in enumerate(records)])
    await ledger.note_optouts([Noted(99, said(Consent.OUT, "globex"))])
    listed: list[OptOut] = []
    after = ""
    while page := await ledger.wishes(ORG, after, 4):
        listed += page
        after = cursor(page[-1])
    assert listed == sorted(records, key=lambda one: (one.number, one.scope))
    assert await ledger.wishes_of(ORG, "+1415555010") == records[6:]
    assert await ledger.wishes_of(ORG, "+141555501") == []
