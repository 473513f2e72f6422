"""Records that cannot be read, on their way to the dead letters."""

from aiokafka import ConsumerRecord

from broker.metrics import DEAD_LETTERS
from broker.publish import Outgoing
from schemas.dead_letters import dead_letter


def buried(record: ConsumerRecord, reason: str) -> Outgoing:
    """What to produce in place of `record`: its bytes as they came, `reason` and origin in headers."""
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
    return Outgoing(letter.topic, letter.key, letter.value, letter.headers)
