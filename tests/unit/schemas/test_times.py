"""Moments that no calendar has stop nobody: a record with one cannot be read, and each event is told."""

from datetime import datetime

import pytest

from schemas.base import LAST_MILLIS, DecodeError
from schemas.cloudevents import headers
from schemas.replays import Mark, What

#: In the year 10000, and farther than any clock counts.
BEYOND = (LAST_MILLIS + 1, 253_402_343_999_000, 2**63 - 1, 10**40)


def mark(at: int) -> bytes:
    good = Mark(what=What.BEGUN, partition=0, offset=0, at=0).encode()
    return good.replace(b'"at":0', b'"at":%d' % at)


@pytest.mark.parametrize("at", BEYOND)
def test_a_record_beyond_the_calendar_cannot_be_read(at: int) -> None:
    with pytest.raises(DecodeError, match="at: "):
        Mark.decode(mark(at))


def test_the_last_moment_can() -> None:
    assert Mark.decode(mark(LAST_MILLIS)).at == LAST_MILLIS


@pytest.mark.parametrize("at", [-(2**63), -1, 0, LAST_MILLIS, *BEYOND])
def test_whatever_the_moment_the_event_has_a_time(at: int) -> None:
    time = dict(headers(id="1", type="sms.status.v1", at=at, subject="m"))["ce_time"].decode()
    assert 1970 <= datetime.fromisoformat(time).year <= 9998
