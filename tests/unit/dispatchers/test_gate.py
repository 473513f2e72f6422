"""Whether a task may go now, by the directory as it is: what it is told, and until when it is quiet."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from dispatchers.gate import Forbidden, Quiet, judged
from schemas.directory import Active, Organization, QuietHours
from schemas.facts import ClosedWhy
from tests.unit.directory.test_at_handover import US, directory, pool, task

NIGHT = QuietHours(start="21:00", end="08:00")
NEW_YORK, LOS_ANGELES = "+12127360123", "+13107360123"


def at(local: str, zone: str) -> int:
    return round(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


EVENING = at("2026-03-02 22:00", "America/New_York")


@pytest.mark.parametrize(
    ("to_number", "until"),
    [(NEW_YORK, at("2026-03-03 08:00", "America/New_York")), (LOS_ANGELES, None)],
)
def test_a_use_case_is_quiet_by_the_clocks_of_the_recipient(to_number: str, until: int | None) -> None:
    found = directory(use_case={"quiet_hours": NIGHT})
    sent = pool().model_copy(update={"to_number": to_number})
    assert judged(found, sent, EVENING) == (None if until is None else Quiet(until))
    # Those hours are the use case's: they hold back nothing that names its number.
    assert judged(found, task(to_number=to_number), EVENING) is None


def test_what_names_its_number_goes_by_the_hours_of_its_organization() -> None:
    hours = NIGHT.model_copy(update={"zone": "Europe/Berlin"})
    entity = Organization(organization="acme", id="acme", quiet_hours=hours)
    found = directory(entity)
    now = at("2026-03-02 23:00", "Europe/Berlin")
    assert judged(found, task(), now) == Quiet(at("2026-03-03 08:00", "Europe/Berlin"))
    assert judged(found, pool(), now) is None


def test_an_answer_goes_at_any_time_and_what_is_forbidden_does_not_wait_to_be_told() -> None:
    sent = pool().model_copy(update={"to_number": NEW_YORK})
    found = directory(use_case={"quiet_hours": NIGHT})
    assert judged(found, sent.model_copy(update={"confirms": True}), EVENING) is None
    gone = directory(use_case={"quiet_hours": NIGHT}, us={"status": Active.SUSPENDED})
    assert judged(gone, sent, EVENING) == Forbidden(ClosedWhy.SENDER_SUSPENDED)
    assert sent.sender == US
