"""Places in lines: when the turn comes of those for whom there is no room at hand. Opens nothing.

A line is kept as the moment at which it will have been served, so it shortens by itself, and lives as long as
somebody stands in it. A place is given for some minutes ahead. Who stands farther back is told to come back
then and to ask again: so a line that was lost, a rate that has changed, and those in the line who expired or
were cancelled meanwhile have been forgotten some minutes later.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: What a pace may have at hand is what it lets go in this time; what is in flight comes on top.
SHARE_SECONDS: Final = 20
#: Nobody is told to come back sooner: the shortest waiting topic holds its records for 10 s.
SOONEST_MS: Final = 11_000
#: Places are given for so long ahead; the last part of it only to those who have been away before, or
#: newcomers would take every place that becomes free from those who stand farther back.
HORIZON_MS: Final = 1_200_000
KEPT_MS: Final = 60_000
#: Who has no place comes back after this: before the last who has one, so that the line never ends early.
FAR_MS: Final = 600_000
#: How many of one line who have no place come back in a second (or as many as go), so that they are no burst.
FAR_PER_SECOND: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its name, and how many segments of it are served in a second (above 0)."""

    key: str
    rate: float


@dataclass(frozen=True, slots=True)
class Wish:
    """A place in each of these lines is asked for."""

    lines: tuple[Line, ...]
    segments: int
    #: It has been away before.
    again: bool


@dataclass(frozen=True, slots=True)
class Place:
    """When to come back, in milliseconds from now by Redis' clock, and whether that is its turn."""

    ms: int
    is_turn: bool


def encode_wishes(wishes: Sequence[Wish]) -> str:
    """The argument of `place.lua`."""
    numbers: dict[Line, int] = {}
    listed = [
        {
            "lines": [numbers.setdefault(line, len(numbers) + 1) for line in wish.lines],
            "segments": wish.segments,
            "ahead": HORIZON_MS if wish.again else HORIZON_MS - KEPT_MS,
        }
        for wish in wishes
    ]
    asked = {
        "soonest": SOONEST_MS,
        "far": FAR_MS,
        "far_each": 1000 / FAR_PER_SECOND,
        "lines": [{"key": line.key, "rate": line.rate} for line in numbers],
        "wishes": listed,
    }
    return json.dumps(asked, separators=(",", ":"))


def places(answer: Sequence[int]) -> list[Place]:
    """What `place.lua` answers."""
    return [Place(ms, turn == 1) for ms, turn in zip(answer[::2], answer[1::2], strict=True)]
