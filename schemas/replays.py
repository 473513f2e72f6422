"""Replays of dead letters: what a replayed record says of its origin, and how handled letters are marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Self

from schemas.base import Millis, Record

#: On a replayed record: `<dead-letter topic>/<partition>/<offset> <origin>`, once for each replay, the oldest
#: first.
REPLAYED: Final = "helio-replayed-from"
#: On a replayed record whose value somebody has mended.
MENDED: Final = "helio-replayed-mended"
#: On a mark, and on nothing else of ours.
MARK: Final = "helio-dlq-mark"

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record lay that became a dead letter. The timestamp tells a topic that was made anew."""

    topic: str
    partition: int
    offset: int
    #: Of the record, milliseconds since the epoch; 0 where it could not be read.
    timestamp: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}/{self.timestamp}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The origin in `text`, as `str` writes it; None where it is none."""
        topic, *numbers = text.split("/")
        if len(numbers) != 3 or not all(number.isascii() and number.isdecimal() for number in numbers):
            return None
        # Longer ones are no offsets, and Python refuses to read very long ones.
        return cls(topic, *map(int, numbers)) if max(map(len, numbers)) < 20 else None


def replayed_from(letter: str, origin: Origin) -> tuple[str, bytes]:
    """The header of a replay of the letter at the place `letter` (`topic/partition/offset`)."""
    return REPLAYED, f"{letter} {origin}".encode()


def history(headers: Headers) -> Iterator[tuple[str, Origin]]:
    """The replays that a record has behind it, oldest first: each letter's place, and its origin."""
    for name, value in headers:
        if name != REPLAYED or value is None:
            continue
        letter, _, text = value.decode(errors="replace").partition(" ")
        if (origin := Origin.parse(text)) is not None:
            yield letter, origin


def first_origin(topic: str, headers: Headers) -> Origin | None:
    """Where a record on `topic` lay before its first replay; None for one that was never replayed there.

    Whoever may write to the topic can write this header: it must not be believed in what is another's.
    """
    return next((origin for _, origin in history(headers) if origin.topic == topic), None)


class What(StrEnum):
    """What was done about a letter."""

    #: A replay is about to be produced: without `replayed` after it, nobody knows whether it was.
    BEGUN = "begun"
    REPLAYED = "replayed"
    #: Nobody will replay it.
    DROPPED = "dropped"


class Mark(Record):
    """A record of a dead-letter topic that says what was done about a letter of the same partition.

    In the same partition it outlives its letter: retention takes the older of the two first.
    """

    type: Literal["dead_letter_mark.v1"] = "dead_letter_mark.v1"
    what: What
    partition: int
    offset: int
    at: Millis
    #: Another value was replayed than the one that lies here.
    mended: bool = False
    #: Whoever did it says why.
    note: str | None = None

    @property
    def key(self) -> bytes:
        """The key of its record: the letter's place."""
        return f"{self.partition}/{self.offset}".encode()

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of its record."""
        return [(MARK, self.what.encode())]
