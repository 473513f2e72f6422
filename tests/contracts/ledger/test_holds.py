"""Used idempotency keys: one request at a time, and one answer."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Absent
from ledger.holds import Answer, Found, Hold, Word
from ledger.view import First, Seen
from schemas.settings import RedisSettings
from tests.contracts.ledger.conftest import break_script
from tests.contracts.ledger.test_view import read_again, row

pytestmark = pytest.mark.broker

HOUR = 3_600_000
FAR = 4_000_000_000_000
MINE = Hold("m", "1:abc", "mine", hold_ms=60_000, forget_at=FAR)
THEIRS = replace(MINE, token="theirs")
OTHERS = replace(MINE, token="others", fingerprint="1:other")
#: By Redis' clock, its time is over when the script ends.
OVER = -1
ANSWER = Answer("1:abc", 200, b'{"message": "na\xc3\xafve \x00 \n"}')


@pytest.fixture
async def whole(ledger: Ledger) -> Ledger:
    assert await read_again(ledger, 0, 1)
    return ledger


async def words(ledger: Ledger, *asks: Hold) -> list[Word]:
    return [found.hold for found in await ledger.hold(asks)]


async def test_one_request_holds_a_key(whole: Ledger) -> None:
    nothing = Seen(None, Absent(), whole=True)
    assert await whole.hold([MINE, THEIRS, OTHERS]) == [
        Found(nothing, None, "own"),
        Found(nothing, None, "live"),
        Found(nothing, None, "live"),
    ]
    # Its answer was lost: it has it still.
    assert await words(whole, MINE) == ["own"]
    assert await words(whole, replace(THEIRS, message_id="another")) == ["own"]


async def test_of_many_at_once_one_has_it(whole: Ledger, settings_: RedisSettings) -> None:
    async with Ledger(settings_) as other:
        asked = [
            words(ledger, replace(MINE, token=f"{name}{n}"))
            for n in range(100)
            for name, ledger in (("a", whole), ("b", other))
        ]
        found = [word for said in await asyncio.gather(*asked) for word in said]
    assert sorted(found) == ["live"] * 199 + ["own"]


async def test_once_its_time_is_over_another_of_the_same_content_may(whole: Ledger) -> None:
    assert await words(whole, replace(MINE, hold_ms=OVER), OTHERS, THEIRS, OTHERS) == [
        "own",
        "bound",
        "own",
        "live",
    ]


async def test_released_it_stays_bound_to_its_content(whole: Ledger, redis: Redis) -> None:
    assert await words(whole, MINE) == ["own"]
    lives = await redis.pexpiretime("helio:hold:m")
    await whole.release("m", "theirs")
    assert await words(whole, THEIRS) == ["live"]
    await whole.release("m", "mine")
    await whole.release("m", "mine")
    assert await redis.pexpiretime("helio:hold:m") == lives == FAR
    assert await words(whole, OTHERS, THEIRS) == ["bound", "own"]
    # Who was released cannot release what another holds by now.
    await whole.release("m", "mine")
    assert await words(whole, MINE) == ["live"]


async def test_a_row_ends_the_hold_that_it_names_and_no_other(whole: Ledger) -> None:
    await whole.hold([MINE])
    await whole.first([First(row(0), "theirs"), First(row(0))])
    assert await words(whole, THEIRS) == ["live"]
    await whole.first([First(row(0), "mine")])
    [found] = await whole.hold([THEIRS])
    assert found == Found(Seen(row(0), Absent(), whole=True), None, "none")


async def test_what_the_fold_has_shown_first_ends_a_hold_all_the_same(whole: Ledger) -> None:
    await whole.hold([MINE])
    await whole.put([row(3)])
    await whole.first([First(row(0), "mine")])
    [found] = await whole.hold([THEIRS])
    assert (found.hold, found.seen.row) == ("none", row(3))


async def test_a_known_message_says_what_its_key_was_used_for(whole: Ledger) -> None:
    """Also where a request with other content came before, which never got as far."""
    assert await words(whole, replace(OTHERS, hold_ms=OVER)) == ["own"]
    await whole.put([row(1)])
    assert await words(whole, MINE, OTHERS) == ["none", "none"]


async def test_nothing_is_taken_while_the_view_is_not_whole(ledger: Ledger) -> None:
    """The message may have been sent: nobody can tell."""
    assert await ledger.hold([MINE]) == [Found(Seen(None, Absent(), whole=False), None, "none")]
    await read_again(ledger, 0, 1)
    assert await words(ledger, MINE) == ["own"]


async def test_holds_need_no_epoch(empty: Ledger) -> None:
    await read_again(empty, 0, 1)
    assert await words(empty, MINE) == ["own"]
    assert await empty.answered("m", "mine", ANSWER, FAR) == ANSWER


async def test_an_answer_ends_the_hold_and_is_replayed(whole: Ledger) -> None:
    await whole.hold([MINE])
    assert await whole.answered("m", "mine", ANSWER, FAR) == ANSWER
    # Whatever is asked then: who reads the answer sees what it was for.
    for found in await whole.hold([MINE, THEIRS, OTHERS, replace(THEIRS, retake=True)]):
        assert (found.answer, found.hold) == (ANSWER, "none")


async def test_the_first_answer_stays(whole: Ledger) -> None:
    later = Answer("1:abc", 500, b"{}")
    await whole.hold([replace(MINE, hold_ms=OVER), THEIRS])
    assert await whole.answered("m", "mine", ANSWER, FAR) == ANSWER
    # It was not its hold any more.
    assert await words(whole, MINE) == ["live"]
    assert await whole.answered("m", "theirs", later, FAR) == ANSWER
    assert await words(whole, MINE) == ["none"]


@pytest.mark.parametrize("answer", [Answer("1:abc", 200, b""), Answer("1:abc", 503, b" { } "), ANSWER])
async def test_answers_keep_their_bytes(whole: Ledger, answer: Answer) -> None:
    assert await whole.answered("m", "mine", answer, FAR) == answer


async def test_a_known_message_without_an_answer_may_be_answered(whole: Ledger) -> None:
    """Its first request died: a repeat that wants the outcome waits for it in its place."""
    mine = row(1, fingerprint="1:abc")
    again = replace(THEIRS, retake=True)
    await whole.hold([MINE])
    await whole.put([mine])
    assert await words(whole, again) == ["live"]
    await whole.first([First(mine, "mine")])
    assert await words(whole, THEIRS, replace(OTHERS, retake=True), again, MINE) == [
        "none",
        "none",
        "own",
        "live",
    ]
    await whole.answered("m", "theirs", ANSWER, FAR)
    assert await words(whole, again) == ["none"]


async def test_so_may_one_whose_row_tells_a_seal_for_the_fingerprint(whole: Ledger) -> None:
    """Of a redacted message, which status records tell so; another secret may have made it."""
    sealed = replace(MINE, retake=True, told=frozenset({"1:abc", "s1:older", "s1:newest"}))
    await whole.put([row(1, fingerprint="s1:older")])
    other = replace(sealed, told=frozenset({"1:abc", "s1:another"}))
    assert await words(whole, replace(MINE, retake=True), other, sealed) == ["none", "none", "own"]


async def test_a_text_that_looks_like_a_fingerprint_is_none(whole: Ledger) -> None:
    await whole.put([row(1, fingerprint="1:other", text='"fingerprint":"1:abc"')])
    assert await words(whole, replace(MINE, retake=True)) == ["none"]


async def test_holds_and_answers_expire(whole: Ledger, redis: Redis) -> None:
    now = time.time_ns() // 1_000_000
    ask = replace(MINE, forget_at=now + HOUR)
    await whole.hold([ask, replace(ask, message_id="late", forget_at=1)])
    assert await redis.pexpiretime("helio:hold:m") == now + HOUR
    # Clocks differ: a hold is never written dead.
    assert 0 < await redis.pttl("helio:hold:late") <= 60_000
    await whole.answered("m", "mine", ANSWER, now + HOUR)
    assert await redis.pexpiretime("helio:answer:m") == now + 4 * HOUR
    assert await redis.exists("helio:hold:m") == 0


NAIVE: dict[str, tuple[str, str, Any]] = {
    "two-holders": (
        "return hold.token == ask.token and 'own' or 'live'",
        "return take(ask)",
        test_one_request_holds_a_key,
    ),
    "unbound": (
        "hold.fingerprint ~= ask.fingerprint then",
        "false then",
        test_released_it_stays_bound_to_its_content,
    ),
    "blind": (
        "return whole and take(ask) or 'none'",
        "return take(ask)",
        test_nothing_is_taken_while_the_view_is_not_whole,
    ),
    "sent-again": (
        "elseif row or answer then",
        "elseif answer then",
        test_a_known_message_says_what_its_key_was_used_for,
    ),
}


@pytest.mark.parametrize("name", NAIVE)
async def test_a_broken_script_is_noticed(ledger: Ledger, redis: Redis, name: str) -> None:
    right, wrong, check = NAIVE[name]
    break_script(ledger, "hold", right, wrong)
    blind = check is test_nothing_is_taken_while_the_view_is_not_whole
    if not blind:
        await read_again(ledger, 0, 1)
    arguments = [ledger, redis] if check is test_released_it_stays_bound_to_its_content else [ledger]
    with pytest.raises(AssertionError):
        await check(*arguments)
