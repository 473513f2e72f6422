"""Records that cannot be read: to the dead letters, on the same way as everything else (P12)."""

from broker.metrics import DEAD_LETTERS
from schemas.dead_letters import dead_letter
from streams.engine import Emit, Record


def bury(record: Record, reason: str, emit: Emit) -> None:
    """Emit `record` to the dead-letter topic of its kind, as it came."""
    letter = dead_letter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
        reason=reason,
    )
    DEAD_LETTERS.labels(letter.topic).inc()
    emit(letter.topic, letter.value, letter.key, letter.headers)
