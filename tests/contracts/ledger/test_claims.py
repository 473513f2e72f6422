"""Claims beside the rules of the protocol: expiry, life of the key, batches."""

import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Absent, Again, Ask, Cancel, Closed, Looked, Own, Refused, Sending, Won
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED, epoch_name

pytestmark = pytest.mark.broker

HOUR = 3_600_000
FAR = 4_000_000_000_000
ASK = Ask(
    message_id="m", attempt=1, how=How.PLAIN, nonce="n", record="t:0:1", segments=1, paces=(),
    valid_until=FAR, forget_at=FAR, hold_ms=60_000,
)  # fmt: skip


async def test_what_could_be_won_too_late_is_closed_as_expired(ledger: Ledger) -> None:
    late = replace(ASK, valid_until=1)
    expired = Closed("expired", 1)
    assert await ledger.claim([late]) == [Refused(expired)]
    assert await ledger.look(["m"]) == [Looked(expired, until_passed=False)]
    # Its time may be counted otherwise elsewhere: it stays closed.
    assert await ledger.claim([ASK]) == [Refused(expired)]


async def test_expiry_does_not_touch_what_another_holds(ledger: Ledger) -> None:
    [won] = await ledger.claim([ASK])
    assert isinstance(won, Won)
    held = Sending(1, "t:0:1", "n", won.until, maybe_sent=False)
    assert await ledger.claim([replace(ASK, nonce="other", valid_until=1)]) == [Refused(held)]
    assert await ledger.claim([replace(ASK, valid_until=1)]) == [won]


async def test_a_forgotten_message_is_not_sent(ledger: Ledger) -> None:
    """Its claim may be gone, so that it would look as if nothing had ever happened."""
    assert await ledger.claim([replace(ASK, forget_at=1)]) == [Refused(Closed("expired", 1))]


async def test_a_key_lives_as_long_as_its_message(ledger: Ledger, redis: Redis) -> None:
    key = f"helio:{await epoch_name(redis)}:c:m"
    now = time.time_ns() // 1_000_000
    mine = replace(ASK, forget_at=now + 72 * HOUR)
    own = Own("m", 1, "n", mine.forget_at)
    await ledger.claim([mine])
    for change in (ledger.lose([own]), ledger.take_over(["m"]), ledger.close([own])):
        await change
        assert 72 * HOUR < await redis.pexpiretime(key) - now <= 74 * HOUR
    await ledger.cancel([Cancel("cancelled", 1, mine.forget_at)])
    cancelled = await redis.pexpiretime(key.removesuffix("m") + "cancelled")
    assert 72 * HOUR < cancelled - now <= 74 * HOUR
    # The clocks may differ, and a task may be very late: a claim is never written dead.
    await ledger.claim([replace(ASK, forget_at=1, message_id="late")])
    assert await redis.pttl(f"helio:{await epoch_name(redis)}:c:late") > HOUR // 2


async def test_a_batch_is_decided_in_order(ledger: Ledger) -> None:
    """The same task may be in a batch twice; one of the two wins."""
    first, second, other = await ledger.claim(
        [ASK, replace(ASK, nonce="twin"), replace(ASK, message_id="other")]
    )
    assert isinstance(first, Won)
    assert second == Refused(Sending(1, "t:0:1", "n", first.until, maybe_sent=False))
    assert isinstance(other, Won)


async def test_what_did_not_happen_is_noted_once(ledger: Ledger, redis: Redis) -> None:
    """The fold tells nothing of an attempt that is made again: whoever looks sees it here."""
    second = TRIED.model_copy(update={"number": 2, "detail": "ünavailable"})
    await ledger.claim([ASK])
    again = Again(Own("m", 1, "n", FAR), "t:0:1", TRIED)
    assert await ledger.reopen([again, again]) == [True, True]
    # One whose claim is another's has nothing to say.
    assert await ledger.reopen([replace(again, own=Own("m", 1, "other", FAR), record="t:0:9")]) == [False]
    assert (await ledger.get("m")).tries == (TRIED,)
    await ledger.claim([replace(ASK, attempt=2, nonce="n2")])
    await ledger.reopen([replace(again, own=Own("m", 2, "n2", FAR), attempt=second)])
    assert (await ledger.get("m")).tries == (TRIED, second)
    lives = await redis.pexpiretime("helio:tries:m")
    assert lives == await redis.pexpiretime(f"helio:{await epoch_name(redis)}:c:m")


async def test_of_many_tries_the_latest_are_kept(ledger: Ledger) -> None:
    for attempt in range(1, 24):
        await ledger.claim([replace(ASK, attempt=attempt)])
        tried = TRIED.model_copy(update={"number": attempt})
        await ledger.reopen([Again(Own("m", attempt, "n", FAR), "t:0:1", tried)])
    assert [tried.number for tried in (await ledger.get("m")).tries] == list(range(4, 24))


async def test_an_empty_batch_asks_nothing(empty: Ledger) -> None:
    assert await empty.look([]) == []
    assert await empty.claim([]) == []
    assert await empty.lose([]) == []
    assert await empty.take_over([]) == []
    assert await empty.reopen([]) == []
    assert await empty.cancel([]) == []
    assert await empty.get_many([]) == []
    assert await empty.hold([]) == []
    assert await empty.allow([]) == []
    await empty.close([])


async def test_a_large_batch_is_one_call(ledger: Ledger, redis: Redis) -> None:
    asks = [replace(ASK, message_id=f"m{n}") for n in range(2000)]
    before = (await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    assert all(isinstance(verdict, Won) for verdict in await ledger.claim(asks))
    after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    # One that did not know the script, and one that did, at most.
    assert 1 <= after - before <= 2
    assert await ledger.look(["nobody"]) == [Looked(Absent(), until_passed=False)]
