"""Marks of inbound texts: one taker at a time, `taken` is final, and no epoch is needed."""

from redis.asyncio import Redis

from ledger import Ledger
from ledger.inbound import KEPT_MS, InboundMarks, Mark

TEXT = "0f0e9a3c-0000-5000-8000-000000000001"
KEY = f"helio:inbound:{TEXT}"


async def test_the_first_takes_it_and_repeats_are_told(empty: Ledger) -> None:
    marks = InboundMarks(empty.server)
    assert await marks.taking(TEXT, 60_000) is Mark.NONE
    assert await marks.taking(TEXT, 60_000) is Mark.TAKING
    await marks.taken(TEXT)
    assert await marks.taking(TEXT, 60_000) is Mark.TAKEN


async def test_each_mark_ends(empty: Ledger, redis: Redis) -> None:
    marks = InboundMarks(empty.server)
    await marks.taking(TEXT, 60_000)
    assert 0 < await redis.pttl(KEY) <= 60_000
    # Another's mark lives no longer for being met.
    await redis.pexpire(KEY, 30_000)
    await marks.taking(TEXT, 60_000)
    assert await redis.pttl(KEY) <= 30_000
    await marks.taken(TEXT)
    assert KEPT_MS - 60_000 < await redis.pttl(KEY) <= KEPT_MS


async def test_what_is_taken_without_a_mark_is_marked_all_the_same(empty: Ledger) -> None:
    marks = InboundMarks(empty.server)
    await marks.taken(TEXT)
    assert await marks.taking(TEXT, 60_000) is Mark.TAKEN
