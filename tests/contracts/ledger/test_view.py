"""The status view: never backwards, and it knows when it does not know."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from cli.local.ports import choose
from cli.local.valkey import Valkey
from ledger import Ledger
from ledger.claims import Absent, Ask, Closed, Own, Sending
from ledger.view import First, Seen
from schemas.public import StatusRecord
from schemas.settings import RedisSettings
from schemas.status import State
from schemas.tasks import How

pytestmark = pytest.mark.broker

HOUR = 3_600_000
FAR = 4_000_000_000_000


def row(sequence: int, status: State = State.QUEUED, **more: Any) -> StatusRecord:
    fields = {
        "id": f"id{sequence}", "message_id": "m", "organization": "acme", "sequence": sequence,
        "status": status, "at": 1, "accepted_at": 1, "forget_at": FAR, "from_number": "+15550100",
        "to_number": "+15550199", "text": "naïve\n✓", "segments": 1, "fingerprint": "1:abc",
    }  # fmt: skip
    return StatusRecord.model_validate(fields | more)


async def test_the_first_row_is_there_at_once_and_never_over_another(ledger: Ledger) -> None:
    assert (await ledger.get("m")).row is None
    await ledger.first([First(row(0, fingerprint="1:first"))])
    await ledger.first([First(row(0, fingerprint="1:second"))])
    assert (await ledger.get("m")).row == row(0, fingerprint="1:first")
    await ledger.put([row(1)])
    await ledger.first([First(row(0))])
    assert (await ledger.get("m")).row == row(1)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12))
@settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_rows_in_any_order_and_repetition_end_with_the_highest(
    settings_: RedisSettings, sequences: list[int]
) -> None:
    async def run() -> None:
        async with Redis.from_url(settings_.url) as redis:
            await redis.flushdb()
        async with Ledger(settings_) as ledger:
            half = len(sequences) // 2
            await ledger.put([row(n) for n in sequences[:half]])
            await ledger.put([row(n) for n in sequences[half:]])
            assert (await ledger.get("m")).row == row(max(sequences))

    asyncio.run(run())


async def test_rows_expire_with_their_messages(ledger: Ledger, redis: Redis) -> None:
    now = time.time_ns() // 1_000_000
    await ledger.put([row(1, forget_at=now + HOUR), row(1, message_id="old", forget_at=1)])
    assert (await ledger.get("old")).row is None
    assert 3 * HOUR < await redis.pexpiretime("helio:view:m") - now <= 5 * HOUR


async def test_a_claim_is_seen_with_the_row(ledger: Ledger) -> None:
    await ledger.put([row(1)])
    ask = Ask(
        message_id="m", attempt=1, how=How.PLAIN, nonce="n", record="t:0:1", segments=1, paces=(),
        valid_until=FAR, forget_at=FAR, hold_ms=60_000,
    )  # fmt: skip
    await ledger.claim([ask])
    found = await ledger.get("m")
    assert found.row == row(1)
    assert isinstance(found.claim, Sending)
    await ledger.close([Own("m", 1, "n", FAR)])
    assert await ledger.get("m") == Seen(row(1), Closed("sent", 1), found.whole)


async def test_get_answers_without_an_epoch(empty: Ledger) -> None:
    await empty.put([row(1)])
    assert await empty.get("m") == Seen(row(1), claim=Absent(), whole=False)


async def read_again(ledger: Ledger, partition: int, partitions: int) -> bool:
    return await ledger.mark_whole(partition, await ledger.begin_partition(partition), partitions)


async def test_the_view_is_whole_when_every_partition_was_read(ledger: Ledger) -> None:
    assert await ledger.missing_partitions([0, 1, 2]) == {0, 1, 2}
    assert await read_again(ledger, 0, 3)
    assert await read_again(ledger, 2, 3)
    assert await ledger.missing_partitions([0, 1, 2]) == {1}
    assert (await ledger.get("m")).whole is False
    assert await read_again(ledger, 1, 3)
    assert (await ledger.get("m")).whole is True
    assert await ledger.missing_partitions([]) == set()


async def test_reading_that_began_before_a_wipe_proves_nothing(ledger: Ledger, redis: Redis) -> None:
    assert await read_again(ledger, 0, 1)
    token = await ledger.begin_partition(0)
    assert (await ledger.get("m")).whole is False
    await redis.flushdb()
    assert (await ledger.get("m")).whole is False
    assert await ledger.mark_whole(0, token, 1) is False
    assert await ledger.missing_partitions([0]) == {0}
    # Of two that read the same partition, only the one that began last says that it is whole.
    first, second = await ledger.begin_partition(0), await ledger.begin_partition(0)
    assert await ledger.mark_whole(0, first, 1) is False
    assert await ledger.mark_whole(0, second, 1) is True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", port=choose())
    try:
        server.start()
        server.wait_ready()
        yield server
    finally:
        server.stop()


async def test_after_a_restart_the_view_is_not_whole_until_it_is_read_again(store: Valkey) -> None:
    async with Ledger(RedisSettings(url=store.url)) as ledger:
        await ledger.put([row(1)])
        assert await read_again(ledger, 0, 1)
        token = await ledger.begin_partition(0)
        await asyncio.to_thread(store.kill)
        await asyncio.to_thread(store.start)
        await asyncio.to_thread(store.wait_ready)
        assert await ledger.mark_whole(0, token, 1) is False
        # What it still has is shown; what it lacks proves nothing.
        assert await ledger.get("m") == Seen(row(1), claim=Absent(), whole=False)
        await ledger.put([row(1), row(2, State.SENT)])
        assert await read_again(ledger, 0, 1)
        assert await ledger.get("m") == Seen(row(2, State.SENT), claim=Absent(), whole=True)
