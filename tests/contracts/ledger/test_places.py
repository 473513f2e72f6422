"""Places in lines: in their order, at the line's rate, for all processes; a lost line begins anew."""

import time
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.places import FAR_MS, HORIZON_MS, KEPT_MS, SOONEST_MS, Line, Place, Wish
from schemas.settings import RedisSettings
from tests.contracts.ledger.conftest import break_script

pytestmark = pytest.mark.broker

#: One segment in a hundred seconds: what the test itself takes does not count.
SLOW = Line("number:slow", 0.01)
EACH = 100_000
#: How much of the time that passes between two calls is forgiven: less than a place.
MOMENT = 60_000


def wish(*lines: Line, segments: int = 1, again: bool = False) -> Wish:
    return Wish(lines or (SLOW,), segments, again)


def waits(places: list[Place]) -> list[int]:
    return [place.ms for place in places]


def gaps(places: list[Place]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(waits(places))]


async def test_the_first_is_back_as_soon_as_it_can_and_the_others_at_the_lines_rate(ledger: Ledger) -> None:
    found = await ledger.place([wish()] * 5)
    assert found[0] == Place(SOONEST_MS, is_turn=True)
    assert gaps(found) == [EACH] * 4
    assert all(place.is_turn for place in found)


async def test_a_message_of_several_segments_takes_as_many_places(ledger: Ledger) -> None:
    assert gaps(await ledger.place([wish(), wish(segments=3), wish(), wish()])) == [EACH, 3 * EACH, EACH]


async def test_the_next_batch_and_another_process_stand_behind(
    ledger: Ledger, settings_: RedisSettings
) -> None:
    await ledger.place([wish()] * 5)
    async with Ledger(settings_) as other:
        [sixth] = await other.place([wish()])
    assert SOONEST_MS + 5 * EACH - MOMENT <= sixth.ms <= SOONEST_MS + 5 * EACH


async def test_lines_do_not_touch_each_other(ledger: Ledger) -> None:
    await ledger.place([wish()] * 5)
    assert waits(await ledger.place([wish(Line("number:other", 0.1))])) == [SOONEST_MS]


async def test_who_stands_in_two_lines_waits_for_the_longer_one(ledger: Ledger) -> None:
    account = Line("account:a", 1)
    await ledger.place([wish()] * 3)
    [found] = await ledger.place([wish(account, SLOW)])
    assert SOONEST_MS + 3 * EACH - MOMENT <= found.ms <= SOONEST_MS + 3 * EACH
    [behind] = await ledger.place([wish(account)])
    assert SOONEST_MS <= behind.ms <= SOONEST_MS + 1_000


async def test_nobody_waits_for_those_who_stand_far_back_and_they_come_spread(ledger: Ledger) -> None:
    slow = Line("number:far", 0.025)  # the next place comes within reach only half a minute later
    found = await ledger.place([wish(slow)] * 1000)
    ahead = HORIZON_MS - KEPT_MS - SOONEST_MS
    places = [place for place in found if place.is_turn]
    far = [place for place in found if not place.is_turn]
    assert len(places) == ahead // 40_000 + 1
    assert far[0].ms == FAR_MS
    assert set(gaps(far)) == {20}
    # Nor do they lengthen the line: the last part of it is for those of them who come back.
    [new, back, next_new] = await ledger.place([wish(slow), wish(slow, again=True), wish(slow)])
    assert not new.is_turn
    assert back.is_turn
    assert not next_new.is_turn
    assert places[-1].ms - MOMENT < back.ms <= HORIZON_MS


async def test_a_line_lives_as_long_as_somebody_stands_in_it_and_begins_anew_when_lost(
    empty: Ledger, redis: Redis
) -> None:
    """It needs no epoch."""
    await empty.place([wish()] * 3)
    left = await redis.pexpiretime("helio:line:number:slow") - time.time_ns() // 1_000_000
    assert SOONEST_MS + 3 * EACH - MOMENT < left < SOONEST_MS + 3 * EACH + MOMENT
    await redis.flushdb()
    assert waits(await empty.place([wish()])) == [SOONEST_MS]


async def test_another_rate_counts_for_those_who_come_then(ledger: Ledger) -> None:
    await ledger.place([wish()] * 3)
    found = await ledger.place([wish(Line(SLOW.key, 10))] * 3)
    assert gaps(found) == [100, 100]


async def test_thirds_of_milliseconds_add_up(ledger: Ledger) -> None:
    line = Line("number:thirds", 3000)
    found = await ledger.place([wish(line)] * 3001)
    assert waits(found)[-1] == SOONEST_MS + 1_000
    for _ in range(30):
        await ledger.place([wish(line)] * 100)
    [last] = await ledger.place([wish(line)])
    # Rounded up between the calls, they would be later. Time passes between them, so that it may be sooner.
    assert SOONEST_MS <= last.ms <= SOONEST_MS + 2_001


async def test_no_wish_no_call(ledger: Ledger) -> None:
    assert await ledger.place([]) == []


async def test_a_script_that_keeps_no_places_is_noticed(ledger: Ledger) -> None:
    break_script(ledger, "place", "line.served = at + wish.segments * line.token", "")
    assert gaps(await ledger.place([wish()] * 5)) == [0] * 4
