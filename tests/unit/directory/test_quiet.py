"""Quiet hours by the clocks of the recipient, over every change of them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.quiet import ends
from schemas.directory import QuietHours

_NIGHT = QuietHours(start="21:00", end="08:00")
_MINUTE = 60_000
_ZONES = [
    "America/New_York", "America/Los_Angeles", "America/St_Johns", "Europe/London", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Pacific/Chatham", "UTC",
]  # fmt: skip


def _at(local: str, zone: str, fold: int = 0) -> int:
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-01 20:59:59.999", None),
        ("2026-03-01 21:00", "2026-03-02 08:00"),
        ("2026-03-02 00:00", "2026-03-02 08:00"),
        ("2026-03-02 07:59:59.999", "2026-03-02 08:00"),
        ("2026-03-02 08:00", None),
    ],
)
def test_a_night_is_quiet_past_midnight(now: str, end: str | None) -> None:
    zone = "America/New_York"
    assert ends(_NIGHT, [zone], _at(now, zone)) == (end and _at(end, zone))


def test_hours_within_a_day() -> None:
    noon = QuietHours(start="12:00", end="14:00")
    assert ends(noon, ["Europe/Berlin"], _at("2026-05-01 13:00", "Europe/Berlin")) == _at(
        "2026-05-01 14:00", "Europe/Berlin"
    )
    assert ends(noon, ["Europe/Berlin"], _at("2026-05-01 23:00", "Europe/Berlin")) is None


def test_a_zone_that_is_named_counts_and_the_recipients_does_not() -> None:
    berlin = QuietHours(start="21:00", end="08:00", zone="Europe/Berlin")
    now = _at("2026-03-01 12:00", "Europe/Berlin")
    assert ends(berlin, ["Asia/Tokyo"], now) is None
    assert ends(_NIGHT, ["Pacific/Honolulu"], now) is not None


def test_quiet_in_one_of_several_zones_is_quiet() -> None:
    east, west = "America/New_York", "America/Los_Angeles"
    # It is evening in the east already, and early morning in the west still.
    assert ends(_NIGHT, [west, east], _at("2026-03-01 21:30", east)) == _at("2026-03-02 08:00", west)
    assert ends(_NIGHT, [east, west], _at("2026-03-02 08:30", east)) == _at("2026-03-02 08:00", west)
    assert ends(_NIGHT, [east, west], _at("2026-03-02 08:00", west)) is None


def test_zones_that_leave_no_moment_free_go_by_the_first() -> None:
    around = ["Europe/London", "Pacific/Auckland", "Asia/Tokyo", "America/Los_Angeles"]
    assert ends(_NIGHT, around, _at("2026-06-01 23:00", "Europe/London")) == _at(
        "2026-06-02 08:00", "Europe/London"
    )
    assert ends(_NIGHT, around, _at("2026-06-01 12:00", "Europe/London")) is None


@pytest.mark.parametrize("unknown", [[], ["Etc/Unknown"], ["../etc/passwd"]])
def test_where_no_zone_is_known_it_is_utc(unknown: list[str]) -> None:
    assert ends(_NIGHT, unknown, _at("2026-03-01 22:00", "UTC")) == _at("2026-03-02 08:00", "UTC")
    assert ends(_NIGHT, unknown, _at("2026-03-01 12:00", "UTC")) is None


def test_a_night_in_which_clocks_go_forward_is_an_hour_shorter() -> None:
    zone = "America/New_York"
    now, end = _at("2026-03-07 21:00", zone), _at("2026-03-08 08:00", zone)
    assert end - now == 10 * 60 * _MINUTE
    assert ends(_NIGHT, [zone], now) == end


def test_a_night_in_which_clocks_go_back_is_an_hour_longer() -> None:
    zone = "America/New_York"
    now, end = _at("2026-10-31 21:00", zone), _at("2026-11-01 08:00", zone)
    assert end - now == 12 * 60 * _MINUTE
    assert ends(_NIGHT, [zone], now) == end


def test_an_end_that_is_skipped_is_the_moment_of_the_change() -> None:
    zone, quiet = "America/New_York", QuietHours(start="21:00", end="02:30")
    assert ends(quiet, [zone], _at("2026-03-08 01:00", zone)) == _at("2026-03-08 03:00", zone)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    zone, quiet = "America/New_York", QuietHours(start="21:00", end="01:30")
    assert ends(quiet, [zone], _at("2026-11-01 01:00", zone)) == _at("2026-11-01 01:30", zone)
    assert ends(quiet, [zone], _at("2026-11-01 01:30", zone)) is None
    assert ends(quiet, [zone], _at("2026-11-01 01:15", zone, fold=1)) == _at("2026-11-01 01:30", zone, fold=1)


_TIMES = st.times().map(lambda time: f"{time:%H:%M}")


@given(
    times=st.tuples(_TIMES, _TIMES).filter(lambda both: both[0] != both[1]),
    zones=st.lists(st.sampled_from(_ZONES), min_size=1, max_size=3, unique=True),
    at=st.integers(_at("2024-01-01", "UTC") // _MINUTE, _at("2028-01-01", "UTC") // _MINUTE),
)
def test_it_ends_at_the_first_minute_at_which_no_clock_says_quiet(
    times: tuple[str, str], zones: list[str], at: int
) -> None:
    quiet = QuietHours(start=times[0], end=times[1])
    at *= _MINUTE

    def is_quiet(moment: int, among: list[str]) -> bool:
        clocks = [f"{datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)):%H:%M}" for zone in among]
        if quiet.start < quiet.end:
            return any(quiet.start <= clock < quiet.end for clock in clocks)
        return any(clock >= quiet.start or clock < quiet.end for clock in clocks)

    def first_free(among: list[str]) -> int | None:
        minutes = range(at, at + 2 * 24 * 60 * _MINUTE, _MINUTE)
        return next((minute for minute in minutes if not is_quiet(minute, among)), None)

    free = first_free(zones)
    if free is None:
        free = first_free(zones[:1])
    assert ends(quiet, zones, at) == (None if free == at else free)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "Europe/Berlin/Mitte"])
def test_a_zone_that_this_machine_does_not_know_is_utc(zone: str) -> None:
    quiet = QuietHours(start="21:00", end="08:00", zone=zone)
    assert ends(quiet, [], _at("2026-03-01 22:00", "UTC")) == _at("2026-03-02 08:00", "UTC")
