"""Landlines that providers have told us of: from status records, for 90 days after the newest word."""

import time
from itertools import permutations

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.landlines import LANDLINE_MS
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.status import State

pytestmark = pytest.mark.broker

FIXED, MOBILE, OTHER = "+14157650001", "+14157650002", "+14157650003"
NOW = time.time_ns() // 1_000_000


def ended(
    to_number: str = FIXED,
    code: str | None = "30006",
    *,
    provider: Provider | None = Provider.TWILIO,
    status: State = State.UNDELIVERED,
    at: int = NOW,
) -> StatusRecord:
    failure = None if code is None else Failure(code=status, detail="no", provider_code=code)
    return StatusRecord(
        id="m-2", message_id="m", organization="acme", sequence=2, status=status, at=at, accepted_at=at,
        forget_at=at + 1, from_number="+15550100", to_number=to_number, text="hello", segments=1,
        fingerprint="1:x", provider=provider, failure=failure,
    )  # fmt: skip


async def test_nobody_is_one_at_first_and_no_epoch_is_needed(empty: Ledger) -> None:
    assert await empty.landlines([]) == set()
    assert await empty.landlines([FIXED, MOBILE]) == set()


@pytest.mark.parametrize(
    ("provider", "code", "status"),
    [
        (Provider.TWILIO, "21614", State.FAILED),
        (Provider.TWILIO, "30006", State.UNDELIVERED),
        (Provider.TELNYX, "40001", State.UNDELIVERED),
    ],
)
async def test_a_providers_code_for_landlines_marks_the_recipient(
    empty: Ledger, provider: Provider, code: str, status: State
) -> None:
    await empty.note_landlines([ended(code=code, provider=provider, status=status)], NOW)
    assert await empty.landlines([MOBILE, FIXED, OTHER, FIXED]) == {FIXED}


async def test_nothing_else_does(empty: Ledger) -> None:
    rows = [
        ended(MOBILE, code=None, status=State.DELIVERED),
        ended(MOBILE, "30005"),
        ended(MOBILE, "40001"),  # another's code
        ended(MOBILE, "30006", provider=Provider.VONAGE),
        ended(MOBILE, "30006", provider=None),
        ended(MOBILE, "30006", at=NOW - LANDLINE_MS),
    ]
    await empty.note_landlines(rows, NOW)
    assert await empty.landlines([MOBILE]) == set()


async def test_a_mark_ends_90_days_after_the_newest_word_whatever_comes_last(
    empty: Ledger, redis: Redis
) -> None:
    words = [ended(at=NOW - 2_000), ended(at=NOW), ended(at=NOW - 1_000)]
    for order in permutations(words):
        await redis.flushdb()
        for one in order:
            await empty.note_landlines([one], NOW)
        assert await redis.pexpiretime(f"helio:landline:{FIXED}") == NOW + LANDLINE_MS
    await redis.flushdb()
    await empty.note_landlines(words, NOW)
    assert await redis.pexpiretime(f"helio:landline:{FIXED}") == NOW + LANDLINE_MS
