"""How the benchmark learns that its messages have come to their ends."""

import json

import pytest

from benchmarks.load import BenchmarkError, Ends


def told(message_id: str, status: str) -> bytes:
    return json.dumps({"message_id": message_id, "status": status, "reason": {"code": "rejected"}}).encode()


def taken(*records: bytes) -> Ends:
    ends = Ends()
    for record in records:
        ends.take(record)
    return ends


async def test_messages_count_once_and_when_they_are_delivered() -> None:
    ends = taken(told("a", "queued"), told("b", "sent"), told("a", "delivered"), told("a", "delivered"))
    assert list(ends.delivered) == ["a"]
    await ends.until(1)


async def test_another_end_is_an_error_and_not_a_wait() -> None:
    ends = taken(told("a", "delivered"), told("b", "failed"))
    with pytest.raises(BenchmarkError, match="b failed"):
        await ends.until(2)
