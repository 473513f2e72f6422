"""3. From which number: sticky, geomatch, hashing; and who moves when a pool changes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.caller import Phones, eventually
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel
from tests.e2e.channel.conftest import Clinic

pytestmark = pytest.mark.e2e
RECIPIENTS = 40


async def senders(channel: Channel, use_case: str, people: list[str], text: str) -> dict[str, str]:
    """Send each of them a text; from which number it came."""
    ids = await asyncio.gather(*(channel.sent(use_case, to, text) for to in people))
    shown = await asyncio.gather(*(channel.delivered(message_id) for message_id in ids))
    return {one["to_number"]: one["from_number"] for one in shown}


async def moves(channel: Channel, use_case: str, to: str, away: str) -> str:
    """Send until it no longer comes from `away`: all services have heard of a change. From where it comes."""

    async def shown() -> dict[str, Any]:
        return await channel.delivered(await channel.sent(use_case, to, "where from?"))

    found = await eventually(shown, lambda shown: shown["from_number"] != away)
    print(f"{to}: {(await channel.record(found['id']))['reason']}")
    return str(found["from_number"])


@pytest.mark.parametrize(
    ("area_code", "near"),
    [
        ("415", {pools.SAN_FRANCISCO}),
        ("310", {pools.LOS_ANGELES}),
        ("213", {pools.SAN_FRANCISCO, pools.LOS_ANGELES}),  # California
        ("917", {pools.NEW_YORK}),  # New York, of another area code
        ("773", {pools.CHICAGO}),
    ],
)
async def test_it_comes_from_near_the_recipient(
    channel: Channel, person: Callable[..., str], area_code: str, near: set[str]
) -> None:
    found = await senders(channel, pools.UPDATES, [person(area_code) for _ in range(3)], "from near")
    assert set(found.values()) <= near


async def test_who_is_near_nobody_is_spread_and_keeps_its_number(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    people = [person() for _ in range(RECIPIENTS)]
    first = await senders(channel, pools.UPDATES, people, "first")
    assert len(set(first.values())) > 1
    for text in ("second", "third"):
        assert await senders(channel, pools.UPDATES, people, text) == first
    texts = [text for to in people[:5] for text in await phones.texts(to)]
    assert {text["to"]: text["from"] for text in texts} == {to: first[to] for to in people[:5]}


async def test_a_number_taken_out_moves_only_its_own_recipients(
    clinic: Clinic, channel: Channel, person: Callable[..., str]
) -> None:
    people = [person() for _ in range(RECIPIENTS)]
    before = await senders(channel, pools.MOVING_POOL, people, "before")
    assert len(set(before.values())) == len(pools.MOVING)
    gone, *left = pools.MOVING
    mover = next(to for to, sender in before.items() if sender == gone)
    async with clinic.change("use_cases", pools.MOVING_POOL, numbers=left):
        await moves(channel, pools.MOVING_POOL, mover, gone)
        after = await senders(channel, pools.MOVING_POOL, people, "after")
    assert gone not in after.values()
    moved = {to for to in people if before[to] != after[to]}
    assert moved == {to for to in people if before[to] == gone}
    assert len(Counter(after.values())) == len(left)


async def test_a_suspended_number_is_passed_over_and_found_again(
    clinic: Clinic, channel: Channel, person: Callable[..., str]
) -> None:
    to = person("415")
    assert set((await senders(channel, pools.UPDATES, [to], "one")).values()) == {pools.SAN_FRANCISCO}
    async with clinic.change("numbers", pools.SAN_FRANCISCO, status="suspended"):
        # A Californian number is the next nearest.
        assert await moves(channel, pools.UPDATES, to, pools.SAN_FRANCISCO) == pools.LOS_ANGELES
    other = person("415")
    assert await moves(channel, pools.UPDATES, other, pools.LOS_ANGELES) == pools.SAN_FRANCISCO


async def test_the_explanation_says_which_rule_chose(channel: Channel, person: Callable[..., str]) -> None:
    message_id = await channel.sent(pools.UPDATES, person("415"), "why")
    await channel.delivered(message_id)
    assert "geomatch: area code 415" in str(await channel.record(message_id))
