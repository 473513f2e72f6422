"""Day caps: never above them on any day, whatever is claimed and given back, by clocks that differ."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Again, Ask, Own, Pace, Wait, Won
from ledger.days import Counted, day, midnights, rests_on
from ledger.server import script_text
from schemas.caps import Cap
from schemas.settings import RedisSettings
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED, epoch_name

pytestmark = pytest.mark.broker

SIMULATION = Path(__file__).with_name("days.lua").read_text()
FAR = 4_000_000_000_000
HOLD = 60_000
HOUR = 3_600_000
CAPS = (Cap("number:+14155550100", 7), Cap("number:+14155550101", 4), Cap("brand:acme", 9))
#: Clocks are put forward in the second night of it.
ZONE, BEGIN = "America/Los_Angeles", round(datetime(2026, 3, 7, tzinfo=ZoneInfo("UTC")).timestamp() * 1000)

Event = dict[str, Any]


async def simulate(at: RedisSettings, events: Sequence[Event], days: str | None = None) -> list[bool]:
    """Which of `events` were done."""
    text = "local epoch, now = 'simulated', 0\n" + (days or script_text(("days",))) + SIMULATION
    told = {"caps": [{"name": cap.name, "most": cap.most} for cap in CAPS], "events": events}
    async with Redis.from_url(at.url) as redis:
        return [done == 1 for done in await redis.eval(text, 0, json.dumps(told))]


def judge(events: Sequence[Event], done: Sequence[bool]) -> None:
    """No cap is exceeded on any day, and nothing waits for one that has room."""
    counted: Counter[tuple[str, int]] = Counter()
    for n, (event, was_done) in enumerate(zip(events, done, strict=True)):
        if "back" in event:
            if was_done:
                claim = events[event["back"] - 1]
                for cap, today in days_of(claim):
                    counted[cap.name, today] -= claim["segments"]
            continue
        room = all(counted[cap.name, today] + event["segments"] <= cap.most for cap, today in days_of(event))
        assert was_done is room, (n, event)
        for cap, today in days_of(event) if was_done else ():
            counted[cap.name, today] += event["segments"]


def days_of(event: Event) -> list[tuple[Cap, int]]:
    return [(CAPS[place - 1], day(ZONE, event["at"]).start) for place in event["caps"]]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    at = BEGIN
    events: list[Event] = []
    claims: list[int] = []
    for n in range(1, draw(st.integers(1, 60)) + 1):
        at += draw(st.sampled_from([0, 1, 1000, HOUR, 5 * HOUR, 26 * HOUR]))
        if claims and draw(st.integers(0, 3)) == 0:
            events.append({"at": at, "back": draw(st.sampled_from(claims))})
            continue
        # By how much the asker's clock is before or behind the ledger's.
        off = draw(st.sampled_from([0, 0, -20 * HOUR, -2000, 2000, 20 * HOUR]))
        caps = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3, unique=True))
        claims.append(n)
        events.append(
            {
                "at": at,
                "caps": caps,
                "segments": draw(st.integers(1, 3)),
                "midnights": midnights(ZONE, at + off),
            }
        )
    return events


@given(events=histories())
@settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_never_above_a_cap_and_never_below_it_without_need(
    settings_: RedisSettings, events: list[Event]
) -> None:
    judge(events, asyncio.run(simulate(settings_, events)))


def claim(at: int, segments: int = 7, *, off: int = 0) -> Event:
    return {"at": at, "caps": [1], "segments": segments, "midnights": midnights(ZONE, at + off)}


_EVENING = midnights(ZONE, BEGIN)[2] - 1000
_NIGHT = _EVENING + 2000


@pytest.mark.parametrize(
    ("right", "wrong", "events"),
    [
        ("tonumber(till) > now", "true", [claim(_EVENING), claim(_NIGHT)]),
        ("tonumber(till) > now", "false", [claim(BEGIN), claim(BEGIN + 1)]),
        ("count + ask.segments > cap.most", "count >= cap.most", [claim(BEGIN, 6), claim(BEGIN, 2)]),
        # What was counted yesterday makes no room today.
        (
            "today.from <= won_at", "true",
            [claim(_EVENING), claim(_NIGHT), {"at": _NIGHT + 1, "back": 1}, claim(_NIGHT + 2)],
        ),
        (
            "today.count - counted.segments", "0",
            [claim(BEGIN, 3), claim(BEGIN, 4), {"at": BEGIN, "back": 1}, claim(BEGIN, 7)],
        ),
        # The asker's clock is behind: it tells of a day that is over.
        (
            "if now < midnights[n] then", "if true then",
            [claim(BEGIN, off=-24 * HOUR), claim(BEGIN + 1, off=-24 * HOUR)],
        ),
    ],
)  # fmt: skip
async def test_days_that_are_counted_otherwise_are_noticed(
    settings_: RedisSettings, right: str, wrong: str, events: list[Event]
) -> None:
    text = script_text(("days",))
    assert text.count(right) == 1
    judge(events, await simulate(settings_, events))
    naive = await simulate(settings_, events, text.replace(right, wrong))
    with pytest.raises(AssertionError):
        judge(events, naive)


# -- in claims

NUMBER, BRAND = Cap("number:+14155550100", 2), Cap("brand:acme", 3)


def ask(id_: str, *caps: Cap, nonce: str = "n", segments: int = 1) -> Ask:
    return Ask(
        message_id=id_, attempt=1, how=How.PLAIN, nonce=nonce, record="t:0:1", segments=segments, paces=(),
        valid_until=FAR, forget_at=FAR, hold_ms=HOLD, caps=caps,
    )  # fmt: skip


@pytest.fixture
async def now(redis: Redis) -> int:
    seconds, micros = await redis.time()
    return int(seconds * 1000 + micros // 1000)


async def test_what_finds_no_room_waits_for_the_next_day_and_takes_nothing(ledger: Ledger, now: int) -> None:
    other = Cap("number:+14155550101", 9)
    asks = [ask(id_, NUMBER, BRAND) for id_ in "abc"]
    asks += [ask(id_, other, BRAND) for id_ in "de"]
    a, b, c, d, e = await ledger.claim(asks, midnights("UTC", now))
    assert all(isinstance(verdict, Won) for verdict in (a, b, d))
    left = day("UTC", now).end - now
    # Its number's two are gone, though its brand has one; then the brand's three are.
    assert isinstance(c, Wait)
    assert isinstance(e, Wait)
    assert (c.pace, e.pace) == ("day:number:+14155550100:2", "day:brand:acme:3")
    # What is remembered of a rest says nothing of a cap that was changed.
    assert (c.pace, e.pace) == (rests_on(NUMBER), rests_on(BRAND))
    assert all(0 < one.ms <= min(HOUR // 6, max(left, 1)) for one in (c, e))
    assert await ledger.used_up([NUMBER, BRAND, other]) == {NUMBER.name, BRAND.name}
    # A cap that was raised has room at once.
    [again] = await ledger.claim([ask("c", replace(NUMBER, most=3))], midnights("UTC", now))
    assert isinstance(again, Won)


async def test_segments_count_and_what_waits_for_a_slot_counts_nothing(ledger: Ledger, now: int) -> None:
    [long] = await ledger.claim([ask("long", BRAND, segments=4)], midnights("UTC", now))
    assert isinstance(long, Wait)
    # The epoch has just begun: its buckets are empty.
    slow = replace(ask("slow", BRAND, segments=3), paces=(Pace("account:slow", 0.01, 1),))
    [waits] = await ledger.claim([slow], midnights("UTC", now))
    assert isinstance(waits, Wait)
    assert waits.pace == "account:slow"
    [goes] = await ledger.claim([ask("goes", BRAND, segments=3)], midnights("UTC", now))
    assert isinstance(goes, Won)


async def test_what_is_won_already_counts_once(ledger: Ledger, now: int) -> None:
    for _ in range(3):
        [won] = await ledger.claim([ask("a", NUMBER)], midnights("UTC", now))
        assert isinstance(won, Won)
    assert not await ledger.used_up([NUMBER])


async def test_what_provably_was_not_sent_is_given_back_once(ledger: Ledger, now: int) -> None:
    await ledger.claim([ask("a", NUMBER), ask("b", NUMBER)], midnights("UTC", now))
    own = Own("a", 1, "n", FAR)
    again = Again(own, "t:0:1", TRIED, counted=Counted((NUMBER.name,), 1, HOLD))
    assert await ledger.reopen([again]) == [True]
    assert await ledger.reopen([again]) == [True]
    c, d = await ledger.claim([ask("c", NUMBER), ask("d", NUMBER)], midnights("UTC", now))
    assert isinstance(c, Won)
    assert isinstance(d, Wait)
    # Nobody knows what came of it: it may have been sent, and counts.
    await ledger.lose([Own("c", 1, "n", FAR)])
    assert await ledger.used_up([NUMBER])


async def test_what_was_counted_yesterday_is_not_given_back_today(
    ledger: Ledger, redis: Redis, now: int
) -> None:
    await ledger.claim([ask("a", NUMBER)], midnights("UTC", now))
    # As if it had begun after that claim.
    end = day("UTC", now).end + HOUR
    key = f"helio:{await epoch_name(redis)}:days"
    await redis.hset(key, NUMBER.name, f"2 {now + 2 * HOLD} {end}")
    counted = Counted((NUMBER.name,), 1, HOLD)
    assert await ledger.reopen([Again(Own("a", 1, "n", FAR), "t:0:1", TRIED, counted=counted)]) == [True]
    assert await ledger.used_up([NUMBER])
    # And a day that is over counts nothing any more.
    await redis.hset(key, NUMBER.name, f"2 {now - 2 * HOUR} {now - HOUR}")
    assert not await ledger.used_up([NUMBER])
    [won] = await ledger.claim([ask("b", NUMBER)], midnights("UTC", now))
    assert isinstance(won, Won)
