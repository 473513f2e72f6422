"""Figures as they are answered."""

import pytest

from ingress import queues
from ingress.codes import Code
from ingress.problems import Problem
from ledger.queues import Queue, Queues
from schemas.provider import Provider

NOW = 1_777_544_100_250
FOUND = {
    Provider.TWILIO: Queue(pending=2, active=1, failed=3, oldest_pending_at=NOW - 1500),
    Provider.TELNYX: Queue(pending=0, active=0, failed=0, oldest_pending_at=None),
    Provider.VONAGE: Queue(pending=1, active=0, failed=0, oldest_pending_at=NOW + 5),
}


def test_all_providers() -> None:
    """A clock that is a little behind the other's makes no negative age."""
    assert queues.members(Queues(True, FOUND), tuple(Provider), NOW) == {
        "timestamp": "2026-04-30T10:15:00Z",
        "queues": {
            "twilio": {"pending": 2, "active": 1, "failed": 3, "oldest_pending_seconds": 1.5},
            "telnyx": {"pending": 0, "active": 0, "failed": 0, "oldest_pending_seconds": None},
            "vonage": {"pending": 1, "active": 0, "failed": 0, "oldest_pending_seconds": 0.0},
        },
    }


def test_one_provider() -> None:
    found = queues.members(Queues(True, FOUND), (Provider.TELNYX,), NOW)
    assert not isinstance(found, Problem)
    assert list(found["queues"]) == ["telnyx"]


def test_figures_of_a_part_are_not_told() -> None:
    found = queues.members(Queues(False, FOUND), tuple(Provider), NOW)
    assert isinstance(found, Problem)
    assert found.code is Code.LEDGER_UNAVAILABLE


@pytest.mark.parametrize(
    ("given", "expected"), [(None, tuple(Provider)), *[(one.value, (one,)) for one in Provider]]
)
def test_whose(given: str | None, expected: tuple[Provider, ...]) -> None:
    assert queues.asked(given) == expected


@pytest.mark.parametrize("given", ["", "pigeon", "Twilio"])
def test_nobodys(given: str) -> None:
    found = queues.asked(given)
    assert isinstance(found, Problem)
    assert (found.code, found.detail) == (
        Code.INVALID_FIELD,
        "Invalid provider: it must be one of twilio, telnyx, vonage",
    )
