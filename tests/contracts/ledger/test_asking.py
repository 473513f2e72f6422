"""Whether a question about a hand-over may be put to its provider: one script decides (docs/protocol.md)."""

import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.asking import ASKABLE_MS, Leave, MayAsk, Over, Query, Unknown
from ledger.claims import Ask, Closed, Own, Pace, Wait, Won
from ledger.optouts import Noted
from schemas.optouts import Consent, OptOut, Source
from schemas.tasks import How
from tests.contracts.ledger.conftest import break_script, epoch_name, publish_epoch
from tests.contracts.ledger.reference import Reference

pytestmark = pytest.mark.broker

FAR = 4_000_000_000_000
ASK = Ask(
    message_id="m", attempt=1, how=How.PLAIN, nonce="n", record="t:0:1", segments=1, paces=(),
    valid_until=FAR, forget_at=FAR, hold_ms=60_000, twin="alike",
)  # fmt: skip
OWN = Own("m", 1, "n", FAR)
UNKNOWN = Unknown(attempt=1, nonce="n", record="t:0:1", ask_until=FAR)


def alike(message_id: str = "m", **changes: object) -> Query:
    known = replace(UNKNOWN, twin="alike", span_ms=ASK.hold_ms)
    return Query(message_id, replace(known, **changes))  # type: ignore[arg-type] # its own fields


async def one(ledger: Ledger, query: Query) -> Leave:
    [found] = await ledger.may_ask([query])
    return found


async def lost(ledger: Ledger, ask: Ask = ASK) -> int:
    """It was claimed, and nobody knows what came of it; when it is over."""
    [won] = await ledger.claim([ask])
    assert isinstance(won, Won)
    assert await ledger.lose([Own(ask.message_id, ask.attempt, ask.nonce, FAR)]) == [True]
    return won.until


async def age_epoch(redis: Redis) -> None:
    """It was published a minute ago: paces are as full as they can be."""
    found = await redis.get("helio:epoch")
    assert isinstance(found, bytes)
    name, published, run = found.decode().split()
    await redis.set("helio:epoch", f"{name} {int(published) - 60_000_000} {run}")


async def test_an_unknown_hand_over_may_be_asked_about(ledger: Ledger) -> None:
    until = await lost(ledger)
    assert await one(ledger, Query("m", UNKNOWN)) == MayAsk(until)
    assert await one(ledger, alike()) == MayAsk(until)


async def test_one_that_was_taken_over_likewise(ledger: Ledger, redis: Redis) -> None:
    [won] = await ledger.claim([replace(ASK, hold_ms=1)])
    assert isinstance(won, Won)
    while await ledger.take_over(["m"]) != [Closed("unknown", 1, "n")]:
        pass  # until the server's clock is past `until`: a millisecond
    assert await one(ledger, Query("m", UNKNOWN)) == MayAsk(won.until)
    assert await redis.pexpiretime(f"helio:{await epoch_name(redis)}:lost:m") == won.until + ASKABLE_MS


@pytest.mark.parametrize("other", [{"nonce": "other"}, {"attempt": 2}])
async def test_another_hand_over_may_not(ledger: Ledger, other: dict[str, object]) -> None:
    await lost(ledger)
    assert await one(ledger, Query("m", replace(UNKNOWN, **other))) == Over("settled")  # type: ignore[arg-type] # likewise


async def test_none_that_is_under_way_settled_or_unheard_of(ledger: Ledger) -> None:
    assert await one(ledger, Query("m", UNKNOWN)) == Over("settled")
    await ledger.claim([ASK])
    assert await one(ledger, Query("m", UNKNOWN)) == Over("settled")
    await ledger.lose([OWN])
    await ledger.close([OWN])
    assert await one(ledger, Query("m", UNKNOWN)) == Over("settled")


async def test_none_that_was_sent_again(ledger: Ledger) -> None:
    """Its policy has acted: the same request again would be one too many."""
    await lost(ledger)
    [won] = await ledger.claim([replace(ASK, attempt=2, how=How.RESEND, nonce="n2")])
    assert isinstance(won, Won)
    assert await one(ledger, Query("m", UNKNOWN)) == Over("settled")


async def test_none_by_another_record(ledger: Ledger) -> None:
    """It may name another account, which would not know the key: it would send."""
    await lost(ledger)
    assert await one(ledger, Query("m", replace(UNKNOWN, record="t:0:2"))) == Over("other")


async def test_none_after_its_time(ledger: Ledger) -> None:
    await lost(ledger)
    now = time.time_ns() // 1_000_000
    assert await one(ledger, Query("m", replace(UNKNOWN, ask_until=now - 1000))) == Over("late")


@pytest.mark.parametrize("within", [None, 0, -59_000, -61_000, -200_000])
@pytest.mark.parametrize("found", [Closed("unknown", 1, "n"), Closed("sent", 1)])
async def test_what_may_send_is_counted_from_the_hand_over(
    ledger: Ledger, within: int | None, found: Closed
) -> None:
    """However late it was called unknown: the ledger noted when it was over, here a minute from now."""
    until = await lost(ledger)
    if found.why == "sent":
        await ledger.close([OWN])
    may = Reference(found).may_send_again(1, "n", noted=until, now=until - ASK.hold_ms, within=within)
    answer = await one(ledger, Query("m", replace(UNKNOWN, within_ms=within)))
    assert isinstance(answer, MayAsk) is may
    assert isinstance(answer, MayAsk) or answer == Over("late" if found.why == "unknown" else "settled")


async def test_none_that_is_too_long_ago(ledger: Ledger, redis: Redis) -> None:
    """A key that the provider has forgotten would send a second text."""
    await lost(ledger)
    await redis.delete(f"helio:{await epoch_name(redis)}:lost:m")  # as when its time is over
    assert await one(ledger, Query("m", UNKNOWN)) == Over("late")


async def test_none_that_a_rebuild_found(ledger: Ledger, redis: Redis) -> None:
    """When it was handed over nobody knows any more, nor what else was."""
    await lost(ledger)
    await redis.delete("helio:epoch")
    await publish_epoch(ledger)
    await redis.set(f"helio:{await epoch_name(redis)}:c:m", "closed unknown 1 n")
    assert await one(ledger, Query("m", UNKNOWN)) == Over("late")


async def test_a_twin_leaves_it_undecided(ledger: Ledger) -> None:
    """What the provider shows could be the other: whichever came first, whatever became of it."""
    await lost(ledger)
    await ledger.claim([replace(ASK, message_id="other", nonce="o")])
    assert await one(ledger, alike()) == Over("twin")
    # And for both of them.
    await ledger.lose([Own("other", 1, "o", FAR)])
    assert await one(ledger, alike("other", nonce="o")) == Over("twin")


async def test_further_attempts_of_its_own_are_no_twin(ledger: Ledger) -> None:
    await lost(ledger)
    await lost(ledger, replace(ASK, attempt=2, how=How.RESEND, nonce="n2"))
    assert isinstance(await one(ledger, alike(attempt=2, nonce="n2")), MayAsk)


async def test_a_hand_over_before_the_epoch_may_have_a_twin(ledger: Ledger) -> None:
    """Nobody knows what was claimed before it: in this test the epoch is younger than the span."""
    await lost(ledger)
    assert await one(ledger, alike(span_ms=120_000)) == Over("twin")


async def test_a_question_waits_for_its_slot(ledger: Ledger, redis: Redis) -> None:
    await age_epoch(redis)
    query = Query("m", UNKNOWN, paces=(Pace("asks:a", 0.5, 1),))
    until = await lost(ledger)
    assert await one(ledger, query) == MayAsk(until)
    found = await one(ledger, query)
    assert isinstance(found, Wait)
    assert found.pace == "asks:a"
    assert 1000 < found.ms <= 2000


async def test_a_question_that_waits_holds_its_place(ledger: Ledger, redis: Redis) -> None:
    """A busy number always has a task that asks first: the question would starve."""
    await age_epoch(redis)
    pace = (Pace("number:a", 0.1, 1),)
    await lost(ledger, replace(ASK, paces=pace))
    assert isinstance(await one(ledger, Query("m", UNKNOWN, paces=pace)), Wait)
    kept = await redis.get(f"helio:{await epoch_name(redis)}:p:number:a")
    assert isinstance(kept, bytes)
    assert kept.split()[1:2] == [b"m"]


async def test_what_is_not_asked_takes_no_slot(ledger: Ledger, redis: Redis) -> None:
    await age_epoch(redis)
    query = Query("m", UNKNOWN, paces=(Pace("asks:a", 0.5, 1),))
    assert await one(ledger, query) == Over("settled")
    assert await one(ledger, replace(query, unknown=None)) == MayAsk(0)


async def test_without_its_guards_it_lets_go_what_it_must_not(ledger: Ledger) -> None:
    """The tests above see the guards: without them, their answers are others."""
    break_script(ledger, "ask", "elseif ask.twin and not", "elseif false and not")
    await lost(ledger)
    await ledger.claim([replace(ASK, message_id="other", nonce="o")])
    assert isinstance(await one(ledger, alike()), MayAsk)
    break_script(ledger, "ask", "if not is_own_unknown(claim, ask.nonce) or", "if false and")
    await ledger.close([OWN])
    assert isinstance(await one(ledger, Query("m", UNKNOWN)), MayAsk)


async def test_none_that_could_send_to_whoever_wants_no_more(ledger: Ledger) -> None:
    until = await lost(ledger)
    asked = replace(UNKNOWN, scopes=("acme", "acme/news"), to_number="+14155550101")
    assert await one(ledger, Query("m", asked)) == MayAsk(until)
    said = OptOut(
        organization="acme", use_case_id="news", number="+14155550101", consent=Consent.OUT,
        source=Source.TEXT, at=1,
    )  # fmt: skip
    await ledger.note_optouts([Noted(0, said)])
    assert await one(ledger, Query("m", asked)) == Over("opted_out")
    # A look-up sends nothing.
    assert await one(ledger, Query("m", UNKNOWN)) == MayAsk(until)


async def test_a_script_that_would_send_to_them_is_noticed(ledger: Ledger) -> None:
    break_script(ledger, "ask", "elseif ask.scopes and", "elseif false and")
    with pytest.raises(AssertionError):
        await test_none_that_could_send_to_whoever_wants_no_more(ledger)
