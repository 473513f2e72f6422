"""Sticky memory: the newest send counts, in whatever order it is told; whole only once all was read again."""

import time
from itertools import permutations
from typing import Any

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.sticky import STICKY_MS, Remembered
from schemas.public import StatusRecord
from schemas.status import State
from tests.contracts.ledger.conftest import break_script

pytestmark = pytest.mark.broker

USE_CASE, HANDSET = "5f0a5c4e-6d6f-4d52-8f3f-0d4f5a1c2b3d", "+14157650001"
A, B, C = "+14155550001", "+14155550002", "+14155550003"
NOW = time.time_ns() // 1_000_000
HOUR = 3_600_000
PAIR = (USE_CASE, HANDSET)


def sent(number: str | None, at: int, status: State = State.SENT, **more: Any) -> StatusRecord:
    known = {
        "id": "m-1", "message_id": "m", "organization": "acme", "sequence": 2, "status": status, "at": at,
        "accepted_at": at, "forget_at": at + HOUR, "from_number": number, "use_case_id": USE_CASE,
        "to_number": HANDSET, "text": "hello", "segments": 1, "fingerprint": "1:x",
    }  # fmt: skip
    return StatusRecord.model_validate(known | more)


async def known(ledger: Ledger, *pairs: tuple[str, str]) -> tuple[str | None, ...]:
    return (await ledger.sticky(pairs or (PAIR,))).numbers


async def test_what_was_never_sent_is_not_known(ledger: Ledger) -> None:
    assert await known(ledger) == (None,)
    assert await ledger.sticky([]) == Remembered(whole=False, numbers=())


async def test_each_use_case_and_recipient_has_its_own(ledger: Ledger) -> None:
    other = sent(B, NOW, use_case_id="other")
    await ledger.stick([sent(A, NOW), other, sent(C, NOW, to_number="+14157650002")], NOW)
    pairs = [("other", HANDSET), PAIR, (USE_CASE, "+14157650002"), ("other", "+14157650002")]
    assert await known(ledger, *pairs) == (B, A, C, None)


@pytest.mark.parametrize("order", list(permutations([(A, NOW - 2), (B, NOW - 1), (C, NOW)])))
async def test_the_newest_send_counts_whatever_comes_last(
    ledger: Ledger, order: tuple[tuple[str, int], ...]
) -> None:
    for number, at in order:
        await ledger.stick([sent(number, at)], NOW)
    assert await known(ledger) == (C,)
    await ledger.stick([sent(number, at - 10) for number, at in order], NOW)
    assert await known(ledger) == (C,)


async def test_in_one_call_too(ledger: Ledger) -> None:
    await ledger.stick([sent(C, NOW), sent(A, NOW - 2), sent(B, NOW - 1)], NOW)
    assert await known(ledger) == (C,)


async def test_a_script_that_takes_whatever_comes_last_is_noticed(ledger: Ledger) -> None:
    break_script(ledger, "sticky_put", "tonumber(known) <= tonumber(at)", "true")
    await ledger.stick([sent(C, NOW)], NOW)
    await ledger.stick([sent(A, NOW - 2)], NOW)
    assert await known(ledger) == (A,)


@pytest.mark.parametrize("status", [State.QUEUED, State.UNKNOWN, State.FAILED, State.CANCELLED])
async def test_what_nobody_saw_is_not_remembered(ledger: Ledger, status: State) -> None:
    await ledger.stick([sent(A, NOW, status)], NOW)
    assert await known(ledger) == (None,)


async def test_nor_what_names_no_use_case_or_no_sender(ledger: Ledger) -> None:
    await ledger.stick([sent(A, NOW, use_case_id=None), sent(None, NOW, State.DELIVERED)], NOW)
    assert await known(ledger) == (None,)


async def test_it_is_forgotten_thirty_days_after_the_last_send(ledger: Ledger, redis: Redis) -> None:
    await ledger.stick([sent(A, NOW - STICKY_MS), sent(B, NOW - HOUR, to_number="+14157650002")], NOW)
    assert await known(ledger, PAIR, (USE_CASE, "+14157650002")) == (None, B)
    until = await redis.pexpiretime(f"helio:sticky:{USE_CASE}:+14157650002")
    assert until == NOW - HOUR + STICKY_MS


async def test_it_is_whole_once_every_partition_was_read_again(ledger: Ledger) -> None:
    assert await ledger.missing_partitions([0, 1], "sticky") == {0, 1}
    for partition in (0, 1):
        assert not (await ledger.sticky([PAIR])).whole
        token = await ledger.begin_partition(partition, "sticky")
        assert await ledger.mark_whole(partition, token, 2, "sticky")
    assert (await ledger.sticky([PAIR])).whole
    # The view is another matter, and has its own.
    assert await ledger.missing_partitions([0, 1]) == {0, 1}


async def test_a_wipe_is_seen_and_a_reading_from_before_it_does_not_count(
    ledger: Ledger, redis: Redis
) -> None:
    await ledger.mark_whole(0, await ledger.begin_partition(0, "sticky"), 1, "sticky")
    await ledger.stick([sent(A, NOW)], NOW)
    assert await ledger.sticky([PAIR]) == Remembered(whole=True, numbers=(A,))
    token = await ledger.begin_partition(0, "sticky")
    await redis.flushdb()
    assert await ledger.sticky([PAIR]) == Remembered(whole=False, numbers=(None,))
    assert not await ledger.mark_whole(0, token, 1, "sticky")
    assert not (await ledger.sticky([PAIR])).whole
