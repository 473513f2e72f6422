"""Quiet hours: whether it is too late or too early in the day to write to somebody, and until when. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from directory.numbering import numbering
from directory.snapshot import Directory
from schemas.base import Millis
from schemas.directory import QuietHours

_MINUTE: Final = 60_000
_DAY: Final = 24 * 60 * _MINUTE
#: Where no moment is free for so long, none is on any day.
_LONGEST: Final = 2 * _DAY


def until(
    directory: Directory, organization: str, use_case_id: str | None, to_number: str, now: Millis
) -> Millis | None:
    """When the quiet hours end that a message to `to_number` (+E.164) is in; None where it may go at `now`.

    They are its use case's; those of its organization where it names its number.
    """
    owner = directory.organization(organization) if use_case_id is None else directory.use_case(use_case_id)
    quiet = None if owner is None else owner.quiet_hours
    if quiet is None:
        return None
    # Looking them up costs more than all the rest.
    zones = numbering(to_number).zones if quiet.zone is None else ()
    return ends(quiet, zones, now)


def ends(quiet: QuietHours, zones: Iterable[str], now: Millis) -> Millis | None:
    """When the quiet hours that it is in end; None where it is not quiet now.

    `zones` are the recipient's, by IANA name; they count where `quiet` names none itself. Quiet in one of
    them is quiet. Where none is known it is UTC, and where together they leave no moment of a day free, the
    first one alone decides. It is quiet while the clocks there show `start` or later, and not yet `end`: when
    they are put forward past `end`, it is over at that moment.
    """
    names = zones if quiet.zone is None else (quiet.zone,)
    known: list[tzinfo] = [zone for name in names if (zone := _zone(name)) is not None]
    found = known or [UTC]
    end = _first_free(quiet, found, now)
    if end is None:
        end = _first_free(quiet, found[:1], now)
    return None if end == now else end


def _first_free(quiet: QuietHours, zones: Sequence[tzinfo], now: Millis) -> Millis | None:
    """The first moment from `now` on that is quiet in none of `zones`; None: they leave none."""
    at = now
    while at - now <= _LONGEST:
        later = max(_quiet_until(quiet, zone, at) for zone in zones)
        if later == at:
            return at
        at = later
    return None


def _quiet_until(quiet: QuietHours, zone: tzinfo, at: Millis) -> Millis:
    """`at` if it is not quiet then; else a later moment, up to which it is."""
    start, end, clock = _time(quiet.start), _time(quiet.end), (at + _offset(zone, at)) % _DAY
    if (clock - start) % _DAY >= (end - start) % _DAY:
        return at
    later = at + (end - clock) % _DAY
    return later if _offset(zone, at) == _offset(zone, later) else _change(zone, at, later)


def _change(zone: tzinfo, before: Millis, after: Millis) -> Millis:
    """The moment between these two at which the clocks are changed: always a whole minute."""
    low, high = before // _MINUTE, -(-after // _MINUTE)
    old = _offset(zone, before)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle * _MINUTE) == old else (low, middle)
    return high * _MINUTE


def _time(of_day: str) -> Millis:
    hours, minutes = of_day.split(":")
    return (int(hours) * 60 + int(minutes)) * _MINUTE


def _offset(zone: tzinfo, at: Millis) -> Millis:
    """By how much the clocks there are ahead of UTC."""
    offset = datetime.fromtimestamp(at / 1000, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    """None where this machine knows no such zone: numbering data says of some numbers that it knows none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: Python 3.11, of folders such as `America`
        return None
