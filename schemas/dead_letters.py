"""Dead letters: a record's bytes as they came, with the reason and the origin in headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas import topics

_PREFIX: Final = "helio-dlq-"


@dataclass(frozen=True)
class DeadLetter:
    """What goes to a dead-letter topic in place of a record that cannot be read."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def dead_letter(
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    reason: str,
) -> DeadLetter:
    """The dead letter for a record: its own headers kept, ours (`helio-dlq-...`) beside them."""
    origin = {
        "reason": reason,
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "timestamp": str(timestamp_ms),
        # No client of ours sends a record without key and value, so null becomes empty, and is told here.
        "value": "null" if value is None else "bytes",
    }
    ours = [(_PREFIX + name, text.encode()) for name, text in origin.items()]
    return DeadLetter(topics.dead_letters(topic), key, value or b"", [*headers, *ours])
