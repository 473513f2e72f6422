"""Dead letters as they are read, and what was done about them."""

from typing import Any

from aiokafka import ConsumerRecord

from broker.letters import Letter, read
from cli.dlq.handled import Handled
from schemas import topics
from schemas.dead_letters import dead_letter
from schemas.facts import CancelAsked
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.replays import Mark, What
from schemas.tasks import Task

NOW = 1_800_000_000_000
HOUR = 3_600_000
OWN = "sms.requests.acme.v1"
REQUEST = b'{"from_phone_number": "+14155550123", "to_phone_number": "+12025550199", "message": "Hello"}'
DISPATCH = topics.dispatch(Provider.TELNYX, Lane.QUEUED)
FACT = CancelAsked(message_id="m1", organization="acme", at=NOW, forget_at=NOW + HOUR, attempt=1)
TASK = Task(
    message_id="m1",
    organization="acme",
    lane=Lane.QUEUED,
    provider=Provider.TELNYX,
    account="telnyx-main",
    sender="+14155550123",
    to_number="+12025550199",
    text="Hello",
    segments=1,
    valid_until=NOW + HOUR,
    forget_at=NOW + 2 * HOUR,
)


def record(value: bytes | None, topic: str = OWN, **more: Any) -> ConsumerRecord:
    """The dead letter of a record of `topic`, as it is read."""
    put = dead_letter(
        topic=topic,
        partition=2,
        offset=7,
        timestamp_ms=more.get("timestamp_ms", NOW - HOUR),
        key=more.get("key", b"k"),
        value=value,
        headers=more.get("headers", [("theirs", b"1")]),
        reason=more.get("reason", "message: Field required"),
    )
    return ConsumerRecord(
        topic=put.topic,
        partition=0,
        offset=3,
        timestamp=NOW,
        timestamp_type=0,
        key=put.key,
        value=put.value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple(put.headers),
    )


def letter(value: bytes | None, topic: str = OWN, **more: Any) -> Letter:
    found = read(record(value, topic, **more))
    assert isinstance(found, Letter)
    return found


def marks(*whats: What, at: int = NOW) -> Handled:
    return Handled(tuple(Mark(what=what, partition=0, offset=3, at=at) for what in whats))
