"""Whose task goes to the dispatchers now, and whose waits for its turn first (P11)."""

from collections import Counter

import pytest

from ledger.places import FAR_MS, FAR_PER_SECOND, HORIZON_MS, KEPT_MS, SHARE_SECONDS
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.tasks import Task
from streams.lines import Lines, Place

NOW = 1_700_000_000_000
HOUR = 3_600_000
SENDER, OTHER = "+16465550132", "+16465550133"


def task(sender: str = SENDER, **fields: object) -> Task:
    known: dict[str, object] = {
        "message_id": "m-1", "organization": "acme", "lane": Lane.QUEUED, "provider": Provider.TWILIO,
        "account": "tw", "sender": sender, "to_number": "+12025550161", "text": "hello", "segments": 1,
        "valid_until": NOW + 72 * HOUR, "forget_at": NOW + 72 * HOUR,
    }  # fmt: skip
    return Task.model_validate(known | fields)


def backlog(lines: Lines, many: int, rate: float = 1.0, *, now: int = NOW, **fields: object) -> list[Place]:
    one = task(SENDER, **fields)
    return [lines.place(one, rate, now) for _ in range(many)]


def at_once(places: list[Place], now: int = NOW) -> int:
    return sum(place.due <= now for place in places)


@pytest.mark.parametrize("rate", [0.5, 1.0, 20.0])
def test_what_dispatchers_may_have_at_hand_goes_at_once_and_the_rest_one_after_the_other(rate: float) -> None:
    places = backlog(Lines(), 500, rate)
    goes = round(SHARE_SECONDS * rate)
    assert at_once(places) == goes
    # As fast as they are sent, from when those that went have been: the number is never without work.
    assert [place.due for place in places[goes:]] == [NOW + round(n * 1000 / rate) for n in range(goes, 500)]
    assert all(place.turn == place.due for place in places[goes:])


def test_a_hundred_thousand_lay_no_more_than_that_before_others() -> None:
    lines = Lines()
    places = backlog(lines, 100_000)
    assert at_once(places) == SHARE_SECONDS
    assert at_once([lines.place(task(OTHER), 1.0, NOW)]) == 1
    assert at_once([lines.place(task(lane=Lane.IMMEDIATE), 1.0, NOW)]) == 1


def test_beyond_the_places_they_come_back_to_ask_and_are_no_burst() -> None:
    far = [place for place in backlog(Lines(), 100_000, 10.0) if place.turn is None and place.due > NOW]
    assert len(far) == 100_000 - (HORIZON_MS - KEPT_MS) // 1000 * 10
    assert min(place.due for place in far) == NOW + FAR_MS
    # As fast as the number, but never slower than the line is looked through.
    assert max(Counter(place.due // 1000 for place in far).values()) <= FAR_PER_SECOND + 1
    quick = [place for place in backlog(Lines(), 200_000, 100.0) if place.turn is None and place.due > NOW]
    assert max(Counter(place.due // 1000 for place in quick).values()) <= 101


def test_a_line_shortens_by_itself_and_is_forgotten() -> None:
    lines = Lines()
    backlog(lines, 100)
    assert at_once(backlog(lines, 1, now=NOW + 79_000), NOW + 79_000) == 0
    assert at_once(backlog(lines, 1, now=NOW + 82_000), NOW + 82_000) == 1
    # Whatever was cancelled of it, nobody waits for a place in it for longer than places are given ahead.
    backlog(lines, 100_000)
    assert at_once(backlog(lines, 1, now=NOW + HORIZON_MS + 82_000), NOW + HORIZON_MS + 82_000) == 1


def test_segments_count() -> None:
    assert at_once(backlog(Lines(), 100, 1.0, segments=4)) == SHARE_SECONDS / 4


def test_a_number_slower_than_that_has_one_under_way() -> None:
    assert at_once(backlog(Lines(), 10, 0.01)) == 1


def test_what_is_asked_for_later_stands_in_line_then() -> None:
    lines, nine = Lines(), NOW + 9 * HOUR
    places = backlog(lines, 100, not_before=nine)
    assert at_once(places, nine) == SHARE_SECONDS
    assert places[30] == Place(nine + 30_000, nine + 30_000)
    # Nobody of now stands behind them.
    assert at_once(backlog(lines, 1)) == 1


def test_it_comes_when_its_time_is_over_to_be_told_so() -> None:
    places = backlog(Lines(), 100_000, valid_until=NOW + 25_000)
    assert {place.due for place in places[25:]} == {NOW + 25_000, NOW + 25_001}
    # Nor before the moment that was asked for.
    late = backlog(Lines(), 100, not_before=NOW + HOUR, valid_until=NOW + HOUR)
    assert min(place.due for place in late) == NOW + HOUR


def test_lines_that_are_over_are_not_kept() -> None:
    lines = Lines()
    for n in range(20_000):
        lines.place(task(f"+1646{n:07}"), 1.0, NOW + n * 100)
    assert len(lines) < 2_000
    # Those that are not over are: a long one, while many others come.
    backlog(lines, 1_000, now=NOW)
    for n in range(20_000):
        lines.place(task(f"+1212{n:07}"), 1.0, NOW + n * 10)
    assert at_once(backlog(lines, 1, now=NOW + 300_000), NOW + 300_000) == 0
