"""What of a batch of status records the view is given."""

from aiokafka import ConsumerRecord

from schemas import topics
from schemas.public import StatusRecord
from schemas.status import State
from streams.views import newest


def row(message_id: str, sequence: int, forget_at: int = 9_000) -> StatusRecord:
    return StatusRecord(
        id=f"{message_id}-{sequence}",
        message_id=message_id,
        organization="acme",
        sequence=sequence,
        status=State.QUEUED if sequence == 1 else State.SENT,
        at=100,
        accepted_at=50,
        forget_at=forget_at,
        from_number="+15550100001",
        to_number="+15557654321",
        text="hello",
        segments=1,
        fingerprint="1:abc",
    )


def record(value: bytes | None) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(topics.STATUS, 0, 7, 1_000, 0, None, value, None, 0, 0, ())


def test_only_the_last_transition_of_each_message_is_written() -> None:
    rows = [row("a", 1), row("b", 1), row("a", 2), row("a", 3), row("a", 1), row("b", 2)]
    found = newest([record(one.encode()) for one in rows], now=1_000)
    assert {(one.message_id, one.sequence) for one in found} == {("a", 3), ("b", 2)}


def test_what_is_forgotten_or_unreadable_is_passed_over() -> None:
    values = [b"{", None, row("a", 1, forget_at=1_000).encode(), row("b", 1, forget_at=1_001).encode()]
    assert [one.message_id for one in newest(map(record, values), now=1_000)] == ["b"]
