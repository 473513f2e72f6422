"""Day caps: segments a day, where carriers set a limit, as values (docs/ledger.md). Opens nothing.

What each cap has let go is a field of one hash, `<segments> <from> <until>`, which `scripts/days.lua` keeps.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from schemas.base import Millis
from schemas.caps import Cap

#: The midnights around now that scripts are told: they find their own clock among them.
_AROUND: Final = (-1, 0, 1, 2)
_DAY: Final = "day:"


@dataclass(frozen=True, slots=True)
class Counted:
    """What a claim counted against day caps, so that it can be given back: nothing was sent."""

    caps: tuple[str, ...]
    segments: int
    #: For how long the claim was held: from that follows when it was won, and so on which day it counted.
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Day:
    """From one midnight to the next."""

    start: Millis
    end: Millis


def rests_on(cap: Cap) -> str:
    """What waits for the next day of `cap` is said to wait for; paces have the names of caps, too.

    The limit is part of it: what is remembered of the rest says nothing of a cap that was changed.
    """
    return f"{_DAY}{cap.name}:{cap.most}"


def is_day(name: str) -> bool:
    """Whether it is the next day that is waited for under this name."""
    return name.startswith(_DAY)


def caps_rested(names: Iterable[str]) -> list[str]:
    """The names of the caps among what is said to be waited for, each once."""
    return sorted({name.removeprefix(_DAY).rpartition(":")[0] for name in names if is_day(name)})


def midnights(zone: str, now: Millis) -> tuple[Millis, ...]:
    """When days begin in `zone`, around `now`: that of yesterday, today, tomorrow and the day after."""
    return _midnights(zone, datetime.fromtimestamp(now / 1000, ZoneInfo(zone)).toordinal())


def day(zone: str, now: Millis) -> Day:
    """The day that it is in `zone`."""
    _, start, end, _ = midnights(zone, now)
    return Day(start, end)


@lru_cache(maxsize=16)
def _midnights(zone: str, today: int) -> tuple[Millis, ...]:
    around = (date.fromordinal(today) + timedelta(days=days) for days in _AROUND)
    starts = (datetime.combine(one, time(), ZoneInfo(zone)).astimezone(UTC) for one in around)
    return tuple(round(start.timestamp() * 1000) for start in starts)


def encode_caps(caps: Iterable[Cap]) -> str:
    """The argument of `used_up.lua`."""
    return json.dumps([{"name": cap.name, "most": cap.most} for cap in caps], separators=(",", ":"))


def lines(segments: Mapping[str, int], today: Day) -> Iterator[tuple[str, str]]:
    """The fields of the hash for what each cap has let go today, as a rebuild writes them."""
    for name, count in segments.items():
        yield name, f"{count} {today.start} {today.end}"


def used_up(caps: Sequence[Cap], answer: Sequence[int]) -> frozenset[str]:
    """The names that `used_up.lua` says are used up."""
    return frozenset(cap.name for cap, is_used_up in zip(caps, answer, strict=True) if is_used_up == 1)
