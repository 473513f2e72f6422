"""`helio tail`: which records it shows, and that a repeat is shown once."""

import pytest

from cli.commands.tail import Filter, Repeats, line
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.status import State

RECORD = StatusRecord(
    id="t1",
    message_id="m1",
    organization="clinic",
    sequence=2,
    status=State.FAILED,
    previous=State.QUEUED,
    at=1_800_000_000_123,
    accepted_at=1_800_000_000_000,
    forget_at=1_800_000_900_000,
    from_number="+12125550101",
    to_number="+12025550199",
    text="hello",
    segments=1,
    fingerprint="1:0",
    provider=Provider.TELNYX,
    failure=Failure(code="rejected", detail="not a mobile number"),
)


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (Filter(), True),
        (Filter(message_id="m1"), True),
        (Filter(message_id="m2"), False),
        (Filter(number="+12025550199"), True),
        (Filter(number="+12125550101"), True),
        (Filter(number="+12025550100"), False),
        (Filter(statuses=frozenset({"failed", "delivered"})), True),
        (Filter(statuses=frozenset({"delivered"})), False),
        (Filter(use_case="5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"), False),
        (Filter(message_id="m1", number="+12025550199", statuses=frozenset({"sent"})), False),
    ],
)
def test_a_record_is_shown_if_it_fits_all_that_is_set(chosen: Filter, shown: bool) -> None:
    assert chosen.fits(RECORD) is shown


def test_a_line_says_who_what_and_why() -> None:
    said = line(RECORD)
    for part in ("m1", "failed", "+12125550101 > +12025550199", "telnyx", "rejected: not a mobile number"):
        assert part in said


def test_one_through_a_use_case_is_found_by_it_and_may_have_no_sender_yet() -> None:
    use_case = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"
    record = RECORD.model_copy(update={"from_number": None, "use_case_id": use_case})
    assert Filter(use_case=use_case).fits(record)
    assert not Filter(number="+12125550101").fits(record)
    assert "(to be chosen) > +12025550199" in line(record)


def test_repeats_are_known_as_long_as_they_are_remembered() -> None:
    repeats = Repeats(remembered=2)
    assert [repeats.has(name) for name in ("a", "a", "b", "c", "c", "a")] == [
        False, True, False, False, True, False,
    ]  # fmt: skip
