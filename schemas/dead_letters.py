"""Dead letters: a record's bytes as they came, with the reason and the origin in headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas import topics
from schemas.replays import Headers, Origin

_PREFIX: Final = "helio-dlq-"
#: What the reason begins with where a request was met when messages of its time are forgotten: nobody can say
#: any more whether its text was sent.
TOO_OLD: Final = "too old"


@dataclass(frozen=True)
class DeadLetter:
    """What goes to a dead-letter topic in place of a record that cannot be read."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True)
class Said:
    """What the headers of a dead letter say of its record."""

    reason: str
    origin: Origin
    #: The record had no value; no client of ours sends one without, so null became empty.
    null: bool


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
    """The dead letter for a record: its own headers kept, ours (`helio-dlq-...`) after them."""
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


def said(headers: Headers) -> Said | None:
    """What our headers say; None where they do not say where the record lay.

    Of a name that comes more than once the last one is ours.
    """
    found = {
        name.removeprefix(_PREFIX): (value or b"").decode(errors="replace")
        for name, value in headers
        if name.startswith(_PREFIX)
    }
    place = "/".join(found.get(name, "") for name in ("topic", "partition", "offset", "timestamp"))
    origin = Origin.parse(place)
    return None if origin is None else Said(found.get("reason", ""), origin, found.get("value") == "null")


def own_headers(headers: Headers) -> tuple[tuple[str, bytes | None], ...]:
    """The headers that the record came with; what looks like ours is taken off."""
    return tuple(header for header in headers if not header[0].startswith(_PREFIX))
