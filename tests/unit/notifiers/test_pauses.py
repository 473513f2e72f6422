"""How pauses grow, and what `Retry-After` asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.pauses import Pauses, retry_after
from schemas import topics
from schemas.settings import NotifierSettings
from schemas.waiting import EARLY_MS, Ticket, next_topic

PAUSES = Pauses.of(NotifierSettings())
NOW = 1_700_000_000_000


def test_they_grow_from_five_seconds_to_an_hour() -> None:
    found = [PAUSES.after(tries, 0.5) for tries in range(1, 9)]
    assert found == [5_000, 15_000, 65_000, 605_000, *[3_605_000] * 4]


def test_a_day_of_tries_costs_some_fifty_records() -> None:
    """Each hop through a waiting topic, and each way back, is a record."""
    passed, tries, records = 0, 0, 0
    while passed < 24 * 3_600_000:
        tries += 1
        due = passed + PAUSES.after(tries, tries % 11 / 10)
        ticket, topic = Ticket(due, topics.NOTIFICATIONS, b"k"), ""
        passed += 1  # on the way there
        while topic != topics.NOTIFICATIONS:
            topic = next_topic(ticket, passed)
            records += 1
            passed += next((delay for delay, name in topics.WAITING.items() if name == topic), 0)
        assert due - passed < EARLY_MS
        passed = due
    assert 25 < tries < 30
    assert records < 60


@given(st.integers(0, 10**9), st.floats(0, 1))
def test_whatever_was_tried_a_pause_is_within_bounds(tries: int, roll: float) -> None:
    assert 4_000 <= PAUSES.after(tries, roll) < 3_600_000 + EARLY_MS
    assert 4_000 <= PAUSES.rest(tries, roll) <= 3_600_000


@given(st.floats(0.001, 3600), st.floats(10, 3600), st.integers(1, 50))
def test_however_it_is_set_pauses_never_shrink(first: float, longest: float, tries: int) -> None:
    if first <= longest:
        settings = NotifierSettings(retry_first_seconds=first, retry_longest_seconds=longest)
        pauses = Pauses.of(settings)
        assert pauses.after(tries, 0.5) <= pauses.after(tries + 1, 0.5)


def test_chance_spreads_them() -> None:
    assert PAUSES.after(5, 0.0) < PAUSES.after(5, 1.0)


def test_an_endpoint_may_ask_for_more_but_not_for_less_nor_for_days() -> None:
    assert PAUSES.asked(5_000, None) == 5_000
    assert PAUSES.asked(5_000, 1_000) == 5_000
    assert PAUSES.asked(5_000, 120_000) == 120_000
    assert PAUSES.asked(5_000, 10**12) == 3_600_000


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        ("120", 120_000),
        (" 7 ", 7_000),
        ("9" * 500, 999_999_999_000),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60_000),
        ("Tue, 14 Nov 2023 22:12:20 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("Tue, 99 Nov 9999999 22:14:20 GMT", None),
    ],
)
def test_retry_after(value: str | None, found: int | None) -> None:
    assert retry_after(value, NOW) == found
