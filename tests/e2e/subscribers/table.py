"""What a subscriber makes of the public topics: a stranger's client, JSON, and a table of its own.

Nothing of ours is imported here: whoever reads docs and contracts can write the same.
"""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

READ_SECONDS = 120.0
#: The words of the send API for the states.
WORDS = {
    "queued": "queued",
    "unknown": "sending",
    "sent": "sent",
    "delivered": "sent",
    "undelivered": "failed",
    "failed": "failed",
    "cancelled": "cancelled",
}
_ATTEMPT = (
    "number",
    "provider",
    "account",
    "sender",
    "outcome",
    "provider_message_id",
    "provider_code",
    "fault",
    "detail",
)


@dataclass(frozen=True)
class Read:
    """One record as it was read."""

    partition: int
    offset: int
    key: bytes
    value: dict[str, Any]
    headers: dict[str, bytes]


def read_from_the_start(servers: str, topic: str) -> list[Read]:
    """Everything that a topic holds now, in the order of each partition: who does so starts at offset 0."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": uuid.uuid4().hex, "enable.auto.commit": False,
         "enable.partition.eof": True},
    )  # fmt: skip
    found: list[Read] = []
    try:
        numbers = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        open_ones, until = set(numbers), time.monotonic() + READ_SECONDS
        while open_ones:
            assert time.monotonic() < until, f"not read to its end within {READ_SECONDS:g} s"
            message = consumer.poll(1.0)
            if message is None:
                continue
            if (error := message.error()) is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                open_ones.discard(message.partition())
                continue
            found.append(
                Read(
                    message.partition(), message.offset(), message.key(),
                    json.loads(message.value()), dict(message.headers() or ()),
                )
            )  # fmt: skip
    finally:
        consumer.close()
    return found


@dataclass
class Table:
    """A row for each message, from `sms.status.v1` alone: its record with the highest sequence."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Each transition once, by its id.
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, record: dict[str, Any]) -> None:
        """One record, wherever it comes from and however often."""
        known = self.seen.setdefault(record["id"], record)
        assert known == record, "a repeat says something else"
        row = self.rows.get(record["message_id"])
        if row is None or record["sequence"] > row["sequence"]:
            self.rows[record["message_id"]] = record

    def transitions(self, message_id: str) -> list[dict[str, Any]]:
        """What was told of a message, each once, by sequence."""
        found = [record for record in self.seen.values() if record["message_id"] == message_id]
        return sorted(found, key=lambda record: int(record["sequence"]))


@dataclass
class Naive:
    """Every record is news, and the last one holds: what a subscriber must not do."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    deliveries: int = 0

    def take(self, record: dict[str, Any]) -> None:
        """One record."""
        self.rows[record["message_id"]] = record
        self.deliveries += record["status"] == "delivered"


def cut_off(records: Sequence[Read], at: int, back: int) -> list[Read]:
    """`records` as they come to who dies after `at` of them, with a commit that is `back` behind."""
    return [*records[:at], *records[max(0, at - back) :]]


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """What `GET /sms/{message_id}` must say, by the one record alone."""
    failure = record.get("failure")
    return {
        "message_id": record["message_id"],
        "status": WORDS[record["status"]],
        "state": record["status"],
        "use_case_id": record.get("use_case_id"),
        "from_phone_number": record.get("from_number"),
        "to_phone_number": record["to_number"],
        "message": record["text"],
        "media_urls": record["media"],
        "redacted": record["redacted"],
        "num_segments": record["segments"],
        "reference": record.get("reference"),
        "provider": record.get("provider"),
        "account": record.get("account"),
        # Nobody had chosen one before there was an account.
        "sender": record.get("from_number") if record.get("account") else None,
        "provider_message_id": record.get("provider_message_id"),
        "error": failure and failure["detail"],
        "failure": failure
        and {name: failure.get(name) for name in ("code", "detail", "provider_code", "fault")},
        "send_at": _iso(record.get("send_at")),
        "accepted_at": _iso(record["accepted_at"]),
        "updated_at": _iso(record["at"]),
        "history": [
            {"status": step["status"], "at": _iso(step["at"]), "settled_by": step.get("settled_by")}
            for step in record["history"]
        ],
        "attempts": [
            {**{name: attempt.get(name) for name in _ATTEMPT}, "at": _iso(attempt["at"])}
            for attempt in record["attempts"]
        ],
        "reason": record.get("reason"),
        "conflicts_with": record.get("conflicts_with"),
    }


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    time = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return time.removesuffix("+00:00") + "Z"
