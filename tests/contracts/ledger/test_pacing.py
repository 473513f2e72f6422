"""Pacing (P10): the arithmetic under a clock of our own, and the slots of one claim decided together."""

import asyncio
import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Absent, Ask, Pace, Refused, Wait, Won
from ledger.server import script_text
from schemas.settings import RedisSettings
from schemas.tasks import How
from tests.contracts.ledger.conftest import epoch_name, publish_epoch

pytestmark = pytest.mark.broker

SIMULATION = Path(__file__).with_name("pacing.lua").read_text()
SECOND = 1_000_000
FAR = 4_000_000_000_000
RATES = st.one_of(st.sampled_from([0.5, 1, 2, 10, 50, 100]), st.floats(0.3, 120, allow_nan=False))
ONLINE = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

Sent = list[tuple[int, int, str]]


def sender(name: str, queue: Sequence[int], late: Sequence[int] = (0,)) -> dict[str, Any]:
    return {"name": name, "queue": list(queue), "late": list(late)}


async def simulate(
    at: RedisSettings,
    rate: float,
    burst: int,
    senders: Sequence[dict[str, Any]],
    *,
    seconds: float,
    pace: str | None = None,
    throttled: Sequence[dict[str, int]] | None = None,
) -> Sent:
    """What goes out in that time. Starts with an empty bucket at 0."""
    asked = {"rate": rate, "burst": burst, "stop": seconds * SECOND, "senders": senders}
    if throttled is not None:
        asked["throttled"] = throttled
        pace = script_text(("pace", "slowing"))
    async with Redis.from_url(at.url) as redis:
        answer = await redis.eval((pace or script_text(("pace",))) + SIMULATION, 0, json.dumps(asked))
    return [(time, segments, name) for time, segments, name in json.loads(answer)] if answer != b"{}" else []


def most_in_a_second(sent: Sent) -> int:
    """The most segments in any second, both of its ends included."""
    most, total, first = 0, 0, 0
    for time, segments, _ in sent:
        total += segments
        while sent[first][0] < time - SECOND:
            total -= sent[first][1]
            first += 1
        most = max(most, total)
    return most


def may_be_late(rate: float, burst: int) -> float:
    """By how much (us) a sender may be late each time without losing throughput (docs/ledger.md)."""
    room = math.floor(rate + burst) + 1 - (rate + burst)
    return min(50_000, 0.95 * room / rate * SECOND) + (burst - 1) / rate * SECOND


@given(
    rate=RATES,
    burst=st.integers(1, 20),
    queues=st.lists(
        st.tuples(
            st.lists(st.integers(1, 6), min_size=1, max_size=60),
            st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=4,
    ),
)
@ONLINE
def test_never_above_cap_and_burst_in_any_second(
    settings_: RedisSettings, rate: float, burst: int, queues: list[tuple[list[int], list[int]]]
) -> None:
    senders = [sender(f"s{n}", queue, late) for n, (queue, late) in enumerate(queues)]
    sent = asyncio.run(simulate(settings_, rate, burst, senders, seconds=600))
    # A message cannot be cut: where it is larger than the bucket, it is the burst.
    largest = max((segments for _, segments, _ in sent), default=0)
    assert most_in_a_second(sent) <= rate + max(burst, largest)


@given(rate=RATES, burst=st.integers(1, 20), late=st.lists(st.floats(0, 1), min_size=1, max_size=20))
@ONLINE
def test_a_backlog_uses_the_cap(settings_: RedisSettings, rate: float, burst: int, late: list[float]) -> None:
    # One millisecond is left to rounding.
    most = max(may_be_late(rate, burst) - 1000, 0)
    senders = [sender("s", [1] * 4000, [int(part * most) for part in late])]
    seconds = 2000 / rate
    sent = asyncio.run(simulate(settings_, rate, burst, senders, seconds=seconds))
    needed = 0.95 if most else 1 / (1 + rate / 1000)
    assert len(sent) >= needed * rate * seconds - 1


@given(rate=RATES, burst=st.integers(1, 10), segments=st.integers(2, 24), crowd=st.integers(1, 5))
@ONLINE
def test_a_long_message_gets_through_a_crowd_of_short_ones(
    settings_: RedisSettings, rate: float, burst: int, segments: int, crowd: int
) -> None:
    crowded = [sender(f"s{n}", [1] * 500, [n * 900]) for n in range(crowd)]
    seconds = (segments + 2 * burst + crowd) / rate + 2
    sent = asyncio.run(
        simulate(settings_, rate, burst, [*crowded, sender("long", [segments], [5000])], seconds=seconds)
    )
    assert [size for _, size, name in sent if name == "long"] == [segments]


_THROTTLED = st.lists(
    st.one_of(
        st.fixed_dictionaries({"at": st.integers(0, 20 * SECOND)}),
        st.fixed_dictionaries({"at": st.integers(0, 20 * SECOND), "pause": st.integers(0, 60 * SECOND)}),
    ),
    min_size=1,
    max_size=20,
)


@given(
    rate=st.sampled_from([2, 10, 30, 7.5]),
    burst=st.integers(1, 10),
    segments=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    throttled=_THROTTLED,
)
@settings(ONLINE, max_examples=20)
def test_what_is_throttled_keeps_the_cap_goes_on_and_comes_back_to_it(
    settings_: RedisSettings, rate: float, burst: int, segments: list[int], throttled: list[dict[str, int]]
) -> None:
    throttled.sort(key=lambda event: event["at"])
    # Held for two steps of the least share, then ten successes of four segments each there: it is back.
    back = 20 + 64 + max(20, 11 * 4 * 64 / rate)
    seconds = back + 400 / rate
    senders = [sender(f"s{n}", segments * math.ceil(rate * seconds / sum(segments))) for n in range(2)]
    sent = asyncio.run(simulate(settings_, rate, burst, senders, seconds=seconds, throttled=throttled))
    assert most_in_a_second(sent) <= rate + max(burst, *segments)
    late = sum(size for time, size, _ in sent if time > back * SECOND)
    assert late >= 0.95 * 400 - burst - 4
    # No Retry-After stops it for longer than two steps of the least share, and one token there.
    times = [0, *(time for time, _, _ in sent)]
    assert max(b - a for a, b in pairwise(times)) <= (64 + 4 * 64 / rate + 1) * SECOND


async def test_without_its_place_a_long_message_starves(settings_: RedisSettings) -> None:
    naive = script_text(("pace",)).replace("return pace.holder and", "return false and")
    senders = [*(sender(f"s{n}", [1] * 500, [n * 900]) for n in range(3)), sender("long", [4], [5000])]
    for pace, through in ((None, True), (naive, False)):
        sent = await simulate(settings_, 10, 4, senders, seconds=30, pace=pace)
        assert ("long" in {name for _, _, name in sent}) is through


async def test_catching_up_without_bound_breaks_the_cap(settings_: RedisSettings) -> None:
    naive = script_text(("pace",)).replace("return math.min(LATE,", "return math.max(2000000,")
    late = [sender("s", [1] * 200, [0, 0, 0, 0, 0, 900_000])]
    for pace, kept in ((None, True), (naive, False)):
        sent = await simulate(settings_, 10, 1, late, seconds=30, pace=pace)
        assert (most_in_a_second(sent) <= 11) is kept


def ask(id_: str, *paces: Pace, segments: int = 1, nonce: str = "n") -> Ask:
    return Ask(
        message_id=id_, attempt=1, how=How.PLAIN, nonce=nonce, record="t:0:1", segments=segments, paces=paces,
        valid_until=FAR, forget_at=FAR, hold_ms=60_000,
    )  # fmt: skip


async def age_epoch(redis: Redis) -> None:
    """As if the epoch had been published long ago: every bucket is full."""
    found = await redis.get("helio:epoch")
    assert isinstance(found, bytes)
    name, _, run = found.decode().split()
    await redis.set("helio:epoch", f"{name} 1 {run}")


NUMBER, OTHER = Pace("number:+15550100", 0.01, 1), Pace("number:+15550101", 0.01, 1)
ACCOUNT = Pace("account:main", 0.01, 2)


async def test_a_claim_that_waits_takes_no_slot_anywhere(ledger: Ledger, redis: Redis) -> None:
    await age_epoch(redis)
    first, second, third = await ledger.claim(
        [ask("a", NUMBER, ACCOUNT), ask("b", NUMBER, ACCOUNT), ask("c", OTHER, ACCOUNT)]
    )
    # The second waits for its number; so the account still has a slot for another number's message.
    assert isinstance(first, Won)
    assert isinstance(second, Wait)
    assert 94_000 < second.ms <= 100_000
    assert isinstance(third, Won)
    looked = await ledger.look(["a", "b", "c"])
    assert [isinstance(found.claim, Absent) for found in looked] == [False, True, False]
    # The account is used up: its wait is told, not that of a number that is free.
    third_number = Pace("number:+15550102", 0.01, 1)
    [verdict] = await ledger.claim([ask("d", third_number, ACCOUNT)])
    assert isinstance(verdict, Wait)
    assert not await redis.exists(f"helio:{await epoch_name(redis)}:p:{third_number.key}")


async def test_slots_count_segments(ledger: Ledger, redis: Redis) -> None:
    await age_epoch(redis)
    three = Pace("account:three", 0.01, 3)
    verdicts = await ledger.claim([ask("a", three, segments=2), ask("b", three, segments=2), ask("c", three)])
    assert isinstance(verdicts[0], Won)
    assert all(isinstance(verdict, Wait) for verdict in verdicts[1:])


async def test_what_is_won_or_refused_costs_no_second_slot(ledger: Ledger, redis: Redis) -> None:
    await age_epoch(redis)
    pace = Pace("number:+15550103", 0.01, 2)
    again = await ledger.claim(
        [ask("a", pace), ask("a", pace), ask("a", pace, nonce="other"), ask("b", pace)]
    )
    assert isinstance(again[0], Won)
    assert again[1] == again[0]
    assert isinstance(again[2], Refused)
    assert isinstance(again[3], Won)


async def test_pacing_starts_empty(empty: Ledger, redis: Redis) -> None:
    """Whatever went out just before a loss, no second holds more than cap and burst."""
    await publish_epoch(empty)
    [verdict] = await empty.claim([ask("a", NUMBER)])
    assert isinstance(verdict, Wait)
    await age_epoch(redis)
    [verdict] = await empty.claim([ask("a", NUMBER)])
    assert isinstance(verdict, Won)


async def test_two_processes_share_a_pace(ledger: Ledger, settings_: RedisSettings) -> None:
    """By the server's own clock: a claim's time is its `until` less its hold."""
    pace = Pace("account:shared", 40, 4)
    won: list[tuple[int, int, str]] = []

    async def process(client: Ledger, name: str) -> None:
        for n in range(40):
            verdict = (await client.claim([ask(f"{name}{n}", pace)]))[0]
            while isinstance(verdict, Wait):
                await asyncio.sleep(verdict.ms / 1000)
                verdict = (await client.claim([ask(f"{name}{n}", pace)]))[0]
            assert isinstance(verdict, Won)
            won.append(((verdict.until - 60_000) * 1000, 1, name))

    async with Ledger(settings_) as other, asyncio.timeout(60):
        await asyncio.gather(process(ledger, "a"), process(other, "b"))
    # Times are whole milliseconds: a second may seem to hold one that lies just beyond it.
    assert most_in_a_second(sorted(won)) <= 40 + 4 + 1
