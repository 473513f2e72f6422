"""Whose task goes to the dispatchers now, and whose waits for its turn first (P11)."""

from collections import Counter

import pytest

from directory.rates import Rates
from ledger.places import SHARE_SECONDS
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.tasks import Task
from streams.lines import Lines, Place

NOW = 1_700_000_000_000
HOUR = 3_600_000
#: For so long ahead places are given; after so long those who have none go and ask.
PLACES, FAR = 60_000, 50_000
SENDER, OTHER = "+16465550132", "+16465550133"


def task(sender: str = SENDER, **fields: object) -> Task:
    known: dict[str, object] = {
        "message_id": "m-1", "organization": "acme", "lane": Lane.QUEUED, "provider": Provider.TWILIO,
        "account": "tw", "sender": sender, "to_number": "+12025550161", "text": "hello", "segments": 1,
        "valid_until": NOW + 72 * HOUR, "forget_at": NOW + 72 * HOUR,
    }  # fmt: skip
    return Task.model_validate(known | fields)


def put(lines: Lines, one: Task, rate: float = 1.0, now: int = NOW, account: float = 1_000.0) -> Place:
    return lines.place(one, Rates(rate, account), now)


def backlog(lines: Lines, many: int, rate: float = 1.0, *, now: int = NOW, **fields: object) -> list[Place]:
    one = task(SENDER, **fields)
    return [put(lines, one, rate, now) for _ in range(many)]


def at_once(places: list[Place], now: int = NOW) -> int:
    return sum(place.due <= now for place in places)


@pytest.mark.parametrize("rate", [0.5, 1.0, 20.0])
def test_what_dispatchers_may_have_at_hand_goes_at_once_and_the_rest_one_after_the_other(rate: float) -> None:
    many = round(PLACES / 1000 * rate)
    places = backlog(Lines(), many, rate)
    goes = round(SHARE_SECONDS * rate)
    assert at_once(places) == goes
    # As fast as they are sent, from when those that went have been: the number is never without work.
    assert [place.due for place in places[goes:]] == [NOW + round(n * 1000 / rate) for n in range(goes, many)]
    assert all(place.turn == place.due for place in places[goes:])


def test_a_hundred_thousand_lay_no_more_than_that_before_others() -> None:
    lines = Lines()
    assert at_once(backlog(lines, 100_000)) == SHARE_SECONDS
    assert at_once([put(lines, task(OTHER))]) == 1
    assert at_once([put(lines, task(lane=Lane.IMMEDIATE))]) == 1


def test_beyond_the_places_they_go_and_ask_and_are_no_burst() -> None:
    def far(rate: float, many: int) -> list[int]:
        return [place.due for place in backlog(Lines(), many, rate) if place.turn is None and place.due > NOW]

    slow = far(1.0, 5_000)
    # Before the last who has a place: the number is never without work.
    assert (len(slow), min(slow)) == (5_000 - PLACES // 1000, NOW + FAR)
    assert max(Counter(due // 1000 for due in slow).values()) <= 51
    # Nor are they fewer than it sends, of whom some may be cancelled by then.
    quick = far(100.0, 50_000)
    assert 190 < Counter(due // 1000 for due in quick).most_common(1)[0][1] <= 201
    # A rate may be raised: nobody is sent farther than an hour.
    assert max(far(1.0, 500_000)) <= NOW + HOUR + FAR + 1_000


def test_of_many_lines_each_gets_what_it_sends_and_not_all_fifty() -> None:
    lines = Lines()
    numbers = [f"+1646{n:07}" for n in range(200)]
    places = [put(lines, task(number)) for number in numbers for _ in range(300)]
    far = Counter(place.due // 1000 for place in places if place.turn is None and place.due > NOW)
    # Twice what they send: 400 a second, not 10,000.
    assert max(far.values()) <= 600


def test_a_line_shortens_by_itself() -> None:
    lines = Lines()
    backlog(lines, 50)
    assert at_once(backlog(lines, 1, now=NOW + 29_000), NOW + 29_000) == 0
    assert at_once(backlog(lines, 1, now=NOW + 32_000), NOW + 32_000) == 1


def test_whatever_was_cancelled_nobody_waits_behind_it_for_long() -> None:
    lines = Lines()
    backlog(lines, 5_000)
    later = NOW + PLACES + 1_000
    assert at_once(backlog(lines, 1, now=later), later) == 1


def test_nobody_stands_behind_those_who_will_be_over_before_their_turn() -> None:
    lines = Lines()
    short = backlog(lines, 1_000, valid_until=NOW + 30_000)
    assert {place.due for place in short[31:]} == {NOW + 30_001}
    # The line has those that can be sent: a build that counts them all lets everybody wait for a minute.
    assert backlog(lines, 1)[0].due <= NOW + 32_000


def test_segments_count() -> None:
    assert at_once(backlog(Lines(), 15, 1.0, segments=4)) == SHARE_SECONDS / 4


def test_a_number_slower_than_that_has_one_under_way() -> None:
    assert at_once(backlog(Lines(), 10, 0.01)) == 1


def test_of_one_tenants_many_numbers_an_account_gets_what_it_sends() -> None:
    lines = Lines()
    numbers = [f"+1646{n:07}" for n in range(2_000)]
    first = [put(lines, task(number), account=50.0) for number in numbers]
    # Each has its one; a build that counts numbers alone lets 20 of each go.
    more = [put(lines, task(number), account=50.0) for number in numbers for _ in range(19)]
    assert (at_once(first), at_once(more)) == (2_000, 0)
    # Another tenant does not stand behind them, nor does another number of this one.
    assert at_once([put(lines, task(OTHER, organization="globex"), account=50.0) for _ in range(20)]) == 20
    assert at_once([put(lines, task("+12125550101"), account=50.0)]) == 1


def test_what_is_asked_for_later_stands_in_line_then() -> None:
    lines, nine = Lines(), NOW + 9 * HOUR
    places = backlog(lines, 50, not_before=nine)
    assert at_once(places, nine) == SHARE_SECONDS
    assert places[30] == Place(nine + 30_000, nine + 30_000)
    # Nobody of now stands behind them.
    assert at_once(backlog(lines, 1)) == 1


def test_it_comes_when_its_time_is_over_to_be_told_so() -> None:
    places = backlog(Lines(), 100_000, valid_until=NOW + 25_000)
    assert {place.due for place in places[26:]} == {NOW + 25_001}
    # Nor before the moment that was asked for.
    late = backlog(Lines(), 100, not_before=NOW + HOUR, valid_until=NOW + HOUR)
    assert min(place.due for place in late) == NOW + HOUR


def test_a_clock_that_is_set_back_leaves_nobody_waiting() -> None:
    lines = Lines()
    backlog(lines, 1_000, now=NOW + HOUR)
    assert at_once(backlog(lines, 1)) == 1


def test_lines_that_are_over_are_not_kept_and_there_are_never_too_many() -> None:
    lines = Lines()
    for n in range(20_000):
        put(lines, task(f"+1646{n:07}"), now=NOW + n * 100)
    assert len(lines) < 2_000
    # Those that are not over are: one that is long, while many others come.
    backlog(lines, 50, 0.1, now=NOW + 2_000_000)
    for n in range(20_000):
        put(lines, task(f"+1212{n:07}"), now=NOW + 2_000_000 + n)
    assert at_once(backlog(lines, 1, 0.1, now=NOW + 2_020_000), NOW + 2_020_000) == 0
    crowd = Lines()
    one = task(not_before=NOW + HOUR)
    for n in range(120_000):
        place = put(crowd, one.model_copy(update={"sender": str(n)}))
        assert place.due == NOW + HOUR
    assert len(crowd) <= 100_000
