"""Breakers and slow-downs (P10, P14): their arithmetic against a reference, and what it does to claims."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ledger import Ledger
from ledger.asking import MayAsk, Query
from ledger.claims import Again, Ask, Own, Pace, Sending, Verdict, Wait, Won
from ledger.server import script_text
from schemas.settings import RedisSettings
from tests.contracts.ledger.conftest import TRIED, break_script, epoch_name, publish_epoch
from tests.contracts.ledger.health_reference import LEAST, MOST, BreakerReference, SlowedReference
from tests.contracts.ledger.test_pacing import FAR, age_epoch, ask

pytestmark = pytest.mark.broker

HISTORY = Path(__file__).with_name("health.lua").read_text()
ONLINE = settings(
    max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
NONCES = st.sampled_from("abc")


async def go_through(at: RedisSettings, **histories: list[dict[str, Any]]) -> dict[str, list[list[Any]]]:
    """What the scripts' functions make of these histories."""
    wanted: dict[str, list[dict[str, Any]]] = {"breaker": [], "slowed": []} | histories
    async with Redis.from_url(at.url) as redis:
        answer = await redis.eval(
            script_text(("breakers", "slowing")) + HISTORY, 0, json.dumps(wanted).replace("null", "false")
        )
    found: dict[str, list[list[Any]]] = json.loads(answer)
    return found


def timed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`after` is counted from the event before."""
    now, found = 1_000_000_000, []
    for event in events:
        now += event["after"]
        found.append(event | {"at": now})
    return found


#: Close together most of the time, so that much comes into one period; then as long as a pause or more.
_MILLIS = st.one_of(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2_500), st.integers(0, 200_000))
_BREAKER = st.lists(
    st.one_of(
        st.fixed_dictionaries({"after": _MILLIS, "nonce": NONCES, "bad": st.booleans()}),
        st.fixed_dictionaries({"after": _MILLIS, "nonce": NONCES, "bad": st.just(True)}),
        st.fixed_dictionaries(
            {"after": _MILLIS, "nonce": NONCES, "ask": st.just(True), "hold": st.integers(1, 15_000)}
        ),
    ),
    min_size=30,
    max_size=120,
)
#: It opens, its probe fails, the next one is lost, the third succeeds; and soon after it opens again.
_ROUND = [
    *({"after": 10, "nonce": "a", "bad": True} for _ in range(LEAST)),
    {"after": 2_000, "nonce": "b", "ask": True, "hold": 15_000},
    {"after": 100, "nonce": "c", "ask": True, "hold": 15_000},
    {"after": 100, "nonce": "b", "bad": True},
    {"after": 4_000, "nonce": "a", "ask": True, "hold": 15_000},
    {"after": 15_000, "nonce": "c", "ask": True, "hold": 15_000},
    {"after": 10, "nonce": "a", "bad": True},
    {"after": 10, "nonce": "c", "bad": False},
    *({"after": 10, "nonce": "a", "bad": True} for _ in range(LEAST)),
]


#: Its probes fail until its pause has its bound.
_FAILING = [
    *_ROUND[: LEAST + 2],
    *(
        event
        for _ in range(6)
        for event in (
            {"after": 100, "nonce": "b", "bad": True},
            {"after": 30_000, "nonce": "b", "ask": True, "hold": 15_000},
        )
    ),
]


@given(_BREAKER)
@example(_ROUND)
@example(_FAILING)
@ONLINE
def test_a_breaker_moves_as_the_reference_does(
    settings_: RedisSettings, events: list[dict[str, Any]]
) -> None:
    history, model, expected = timed(events), BreakerReference(), []
    for event in history:
        wait, is_probe = model.wait(event["at"]), False
        if "ask" in event:
            is_probe = wait == 0 and model.began(event["nonce"], event["at"] + event["hold"])
        else:
            model.came_to(event["nonce"], bad=event["bad"], now=event["at"])
        till = model.till if model.state != "closed" else 0
        expected.append([wait, is_probe, model.state, model.pause, model.since, till])
    found = asyncio.run(go_through(settings_, breaker=history))["breaker"]
    assert found == expected


_SLOWED = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "after": st.integers(0, 3_000_000),
                "throttled": st.just(True),
                "pause": st.one_of(st.none(), st.integers(0, 4_000_000), st.just(3_600_000_000)),
            }
        ),
        st.fixed_dictionaries({"after": st.integers(0, 3_000_000)}),
        st.fixed_dictionaries(
            {
                "after": st.integers(0, 500_000),
                "took": st.integers(1, 6),
                "rate": st.sampled_from([0.5, 1, 30]),
            }
        ),
    ),
    max_size=80,
)


@given(_SLOWED)
@ONLINE
def test_a_pace_slows_down_and_up_as_the_reference_does(
    settings_: RedisSettings, events: list[dict[str, Any]]
) -> None:
    history, model, expected = timed(events), SlowedReference(), []
    for event in history:
        if "throttled" in event:
            model.throttled(event["pause"], event["at"])
        elif "took" in event:
            model.took(event["rate"], event["took"], event["at"])
        else:
            model.succeeded(event["at"])
        assert 1 / 64 <= model.share <= 1
        expected.append((model.share, model.next if model.share < 1 else 0))
    found = asyncio.run(go_through(settings_, slowed=history))["slowed"]
    assert [(row[0], row[2]) for row in found] == [
        (pytest.approx(share, abs=1e-4), pytest.approx(next_, rel=1e-6, abs=5_000))
        for share, next_ in expected
    ]


NUMBER, OTHER, ACCOUNT = (
    Pace(key, 1000, 1000) for key in ("number:+15550100", "number:+15550101", "account:tw")
)


def of(id_: str, *paces: Pace, account: str = "tw") -> Ask:
    return replace(ask(id_, *paces, nonce=f"n-{id_}"), breaker=f"breaker:{account}")


def own(id_: str, *paces: Pace, account: str = "tw") -> Own:
    return Own(id_, 1, f"n-{id_}", FAR, f"breaker:{account}", tuple(pace.key for pace in paces))


def throttled(id_: str, pace: Pace, pause_ms: int | None = None) -> Again:
    return Again(own(id_), "t:0:9", TRIED, answered=True, throttled=pace.key, pause_ms=pause_ms)


async def hand_over(ledger: Ledger, *ids: str, account: str = "tw") -> None:
    verdicts = await ledger.claim([of(id_, account=account) for id_ in ids])
    assert all(isinstance(verdict, Won) for verdict in verdicts)


async def fail(ledger: Ledger, *ids: str, account: str = "tw") -> None:
    await hand_over(ledger, *ids, account=account)
    assert all(await ledger.lose([own(id_, account=account) for id_ in ids]))


async def opened(ledger: Ledger) -> None:
    await fail(ledger, *(f"bad{n}" for n in range(LEAST)))


async def pass_pause(redis: Redis) -> None:
    """As if the open breaker's time were over."""
    key = f"helio:{await epoch_name(redis)}:breakers"
    line = await redis.hget(key, "breaker:tw")
    assert isinstance(line, bytes)
    state, pause, since, _ = line.decode().split(" ")[:4]
    await redis.hset(key, "breaker:tw", f"{state} {pause} {since} 1" + (" x" if state == "probing" else ""))


def waits(verdict: Verdict) -> int:
    assert isinstance(verdict, Wait)
    assert verdict.pace == "breaker:tw"
    return verdict.ms


async def test_an_account_where_most_is_lost_is_left_alone_and_no_other(ledger: Ledger, redis: Redis) -> None:
    await fail(ledger, *(f"bad{n}" for n in range(LEAST - 1)))
    [verdict] = await ledger.claim([of("last")])
    assert isinstance(verdict, Won)
    assert await ledger.lose([own("last")]) == [True]
    verdicts = await ledger.claim([of("next"), of("other", account="vo")])
    assert 1_000 < waits(verdicts[0]) <= 2_000
    assert isinstance(verdicts[1], Won)
    # What waits is as it was, and no slot is taken.
    assert not await redis.exists(f"helio:{await epoch_name(redis)}:c:next")
    found = await ledger.health()
    breaker = found.not_closed["tw"]
    assert (breaker.state, breaker.until - breaker.since) == ("open", 2_000)
    assert breaker.since <= found.at < breaker.until


async def test_one_probe_goes_at_a_time_and_its_success_lets_all_go(ledger: Ledger, redis: Redis) -> None:
    await opened(ledger)
    await pass_pause(redis)
    verdicts = await ledger.claim([of("p"), of("q"), of("r")])
    assert isinstance(verdicts[0], Won)
    assert [waits(verdict) for verdict in verdicts[1:]] == [500, 500]
    # The answer was lost: it has won already, and is the probe still.
    assert await ledger.claim([of("p")]) == [verdicts[0]]
    assert (await ledger.health()).breakers["tw"].state == "probing"
    await ledger.close([own("p")])
    assert all(isinstance(verdict, Won) for verdict in await ledger.claim([of("q"), of("r")]))
    assert (await ledger.health()).not_closed == {}


async def test_through_a_breaker_that_may_be_probed_one_question_goes_at_a_time(
    ledger: Ledger, redis: Redis
) -> None:
    """And holds up no hand-over: it is no probe."""
    questions = [Query(id_, breaker="breaker:tw") for id_ in "abc"]
    assert all(isinstance(one, MayAsk) for one in await ledger.may_ask(questions))
    await opened(ledger)
    assert all(isinstance(one, Wait) for one in await ledger.may_ask(questions))
    await pass_pause(redis)
    first, *others = await ledger.may_ask(questions)
    assert isinstance(first, MayAsk)
    assert all(isinstance(one, Wait) and 0 < one.ms <= 15_000 for one in others)
    assert [type(one) for one in await ledger.may_ask(questions)] == [MayAsk, Wait, Wait]
    await hand_over(ledger, "p")
    await ledger.close([own("p")])
    assert all(isinstance(one, MayAsk) for one in await ledger.may_ask(questions))


async def test_a_probe_that_fails_doubles_the_pause_and_a_lost_one_is_followed(
    ledger: Ledger, redis: Redis
) -> None:
    await opened(ledger)
    await pass_pause(redis)
    await fail(ledger, "p")
    assert 3_000 < waits((await ledger.claim([of("q")]))[0]) <= 4_000
    await pass_pause(redis)
    await hand_over(ledger, "q")
    await pass_pause(redis)  # and no word of it came
    await hand_over(ledger, "r")


async def test_a_busy_account_that_stops_answering_is_left_alone_soon(ledger: Ledger) -> None:
    good = [f"good{n}" for n in range(500)]
    await hand_over(ledger, *good)
    await ledger.close([own(id_) for id_ in good])
    await fail(ledger, *(f"bad{n}" for n in range(MOST)))
    assert (await ledger.health()).not_closed.keys() == {"tw"}


async def test_what_began_before_it_opened_neither_closes_it_nor_opens_it_longer(ledger: Ledger) -> None:
    await hand_over(ledger, "before", "too")
    await opened(ledger)
    until = (await ledger.health()).breakers["tw"].until
    await ledger.close([own("before")])
    await ledger.lose([own("too")])
    assert (await ledger.health()).breakers["tw"].until == until


async def test_an_outcome_that_is_told_again_counts_once(ledger: Ledger) -> None:
    await hand_over(ledger, "good", "bad", "gone")
    for _ in range(LEAST):
        await ledger.close([own("good")])
        await ledger.lose([own("bad")])
        await ledger.reopen([Again(own("gone"), "t:0:9", TRIED)])
    found = (await ledger.health()).breakers["tw"]
    assert (found.state, found.bad, found.all) == ("closed", 2, 3)


async def test_what_a_provider_answers_is_no_fault_of_its_account(ledger: Ledger) -> None:
    ids = [f"m{n}" for n in range(2 * LEAST)]
    await hand_over(ledger, *ids)
    await ledger.reopen([throttled(id_, NUMBER) for id_ in ids[:LEAST]])
    await ledger.close([own(id_) for id_ in ids[LEAST:]])
    found = (await ledger.health()).breakers["tw"]
    assert (found.state, found.bad) == ("closed", 0)


async def test_what_says_nothing_of_the_provider_is_not_counted(ledger: Ledger) -> None:
    ids = [f"m{n}" for n in range(LEAST)]
    await hand_over(ledger, *ids)
    assert all(await ledger.reopen([Again(replace(own(id_), breaker=""), "t:0:9", TRIED) for id_ in ids]))
    assert (await ledger.health()).breakers == {}


async def test_its_state_is_lost_with_the_ledger(empty: Ledger, redis: Redis) -> None:
    await publish_epoch(empty)
    await opened(empty)
    assert (await empty.health()).not_closed
    await redis.delete("helio:epoch")
    await publish_epoch(empty)
    assert (await empty.health()).breakers == {}
    await hand_over(empty, "next")


async def test_a_number_that_is_throttled_slows_and_others_of_its_account_do_not(
    ledger: Ledger, redis: Redis
) -> None:
    await age_epoch(redis)
    assert isinstance((await ledger.claim([of("a", NUMBER, ACCOUNT)]))[0], Won)
    await ledger.reopen([throttled("a", NUMBER, pause_ms=3_600_000)])
    mine, its = await ledger.claim([of("b", NUMBER, ACCOUNT), of("c", OTHER, ACCOUNT)])
    assert isinstance(mine, Wait)
    # Its Retry-After counts within one to two steps of ours.
    assert (mine.pace, 1_000 < mine.ms <= 2_000) == (NUMBER.key, True)
    assert isinstance(its, Won)
    found = await ledger.health()
    assert set(found.slowed) == {NUMBER.key}
    assert found.slowed[NUMBER.key].share == 0.5
    assert 1_000 < found.slowed[NUMBER.key].until - found.at <= 2_000


async def test_an_account_that_is_throttled_slows_all_its_numbers(ledger: Ledger, redis: Redis) -> None:
    await age_epoch(redis)
    await hand_over(ledger, "a")
    await ledger.reopen([throttled("a", ACCOUNT, pause_ms=500)])
    for verdict in await ledger.claim([of("b", NUMBER, ACCOUNT), of("c", OTHER, ACCOUNT)]):
        assert isinstance(verdict, Wait)
        assert (verdict.pace, verdict.ms > 900) == (ACCOUNT.key, True)


async def test_many_that_are_throttled_at_once_slow_it_once(ledger: Ledger) -> None:
    ids = [f"m{n}" for n in range(20)]
    await hand_over(ledger, *ids)
    for id_ in ids:
        await ledger.reopen([throttled(id_, NUMBER)])
    assert (await ledger.health()).slowed[NUMBER.key].share == 0.5


async def test_success_brings_it_back_to_the_cap(ledger: Ledger, redis: Redis) -> None:
    await hand_over(ledger, "a", *(f"m{n}" for n in range(8)))
    await ledger.reopen([throttled("a", NUMBER)])
    key, shares = f"helio:{await epoch_name(redis)}:slowed", []
    for n in range(5):
        found = (await ledger.health()).slowed[NUMBER.key]
        shares.append(found.share)
        # As if some seconds had gone by.
        await redis.hset(key, NUMBER.key, f"{found.share} 1 1")
        await ledger.close([own(f"m{n}", OTHER, NUMBER)])
    assert shares == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9], abs=1e-3)
    await ledger.close([own("m5", NUMBER)])
    assert (await ledger.health()).slowed == {}
    assert not await redis.exists(key)


@pytest.mark.parametrize(
    ("script", "right", "wrong"),
    [
        ("lose", "    note_health(own, true)\n", ""),
        ("claim", "return { 'wait', rest, ask.breaker }", "rest = 0"),
        ("claim", "if ask.breaker and begin_probe(", "if false and begin_probe("),
    ],
)
async def test_without_its_part_many_go_where_one_should(
    ledger: Ledger, redis: Redis, script: str, right: str, wrong: str
) -> None:
    break_script(ledger, script, right, wrong)
    await opened(ledger)
    if (await ledger.health()).not_closed:
        await pass_pause(redis)
    verdicts = await ledger.claim([of("p"), of("q"), of("r")])
    assert len([verdict for verdict in verdicts if isinstance(verdict, Won)]) == 3
    assert isinstance((await ledger.look(["r"]))[0].claim, Sending)
