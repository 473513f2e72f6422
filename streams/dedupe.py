"""Is this the first sighting of an id? Decided by where the first one lay, never by "seen before".

A table that only says "seen" loses messages: a crash between the changelog's write and the output's makes
the replay of the *first* record look like a repeat. So the table `first` remembers the place of the first
sighting, and the record at that very place is passed on however often it comes (docs/streams.md).
"""

import struct
from dataclasses import dataclass
from typing import Final

from schemas.forgetting import SIGHTINGS_MS

_VERSION: Final = 1
#: Version, partition, offset, timestamp, forget_at; the fingerprint follows.
_LAYOUT: Final = struct.Struct(">BIQQQ")


class FirstUnreadableError(ValueError):
    """A row of the table `first` was not written by this version or an earlier one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies. The timestamp tells a topic that was made anew, whose offsets start again."""

    partition: int
    offset: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record that names an id: its place, and what was asked for under the id."""

    place: Place
    fingerprint: str
    #: When every store forgets the id, milliseconds since the epoch.
    forget_at: int

    def encode(self) -> bytes:
        """The value of the table `first`."""
        place = self.place
        head = _LAYOUT.pack(_VERSION, place.partition, place.offset, place.timestamp, self.forget_at)
        return head + self.fingerprint.encode()

    @classmethod
    def decode(cls, value: bytes) -> "Sighting":
        """The sighting in a value of the table `first`.

        Raises:
            FirstUnreadableError: it is of another version.
        """
        if len(value) < _LAYOUT.size or value[0] != _VERSION:
            raise FirstUnreadableError(f"a row of {len(value)} bytes that starts with {value[:1]!r}")
        _, partition, offset, timestamp, forget_at = _LAYOUT.unpack_from(value)
        return cls(Place(partition, offset, timestamp), value[_LAYOUT.size :].decode(), forget_at)


@dataclass(frozen=True, slots=True)
class New:
    """Never seen, or forgotten: remember it, pass it on."""


@dataclass(frozen=True, slots=True)
class Again:
    """The first sighting itself, replayed: pass it on, its output may have been lost."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another record with the same content: drop it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another record with other content: the first message stays, this one is rejected under its own id."""


Verdict = New | Again | Duplicate | Conflict


def judge(seen: bytes | None, sighting: Sighting, now_ms: int) -> Verdict:
    """What `sighting` is, given what the table remembers of its id.

    A remembered sighting that is past its time (`schemas.forgetting`) counts as forgotten, evicted or not.

    Raises:
        FirstUnreadableError: `seen` is of another version.
    """
    first = None if seen is None else Sighting.decode(seen)
    if first is None or first.forget_at + SIGHTINGS_MS <= now_ms:
        return New()
    if first.place == sighting.place:
        return Again()
    if first.fingerprint == sighting.fingerprint:
        return Duplicate()
    return Conflict()


def forgotten(row: bytes, now_ms: int) -> bool:
    """Whether a row of the table `first` has served its time. Cheap: reads one number."""
    forget_at: int = _LAYOUT.unpack_from(row)[4]
    return forget_at + SIGHTINGS_MS <= now_ms
