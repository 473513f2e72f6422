"""Whether a task may go now, by the directory as it is: what it is told, and until when it is quiet."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from directory.pool import Standing
from dispatchers.failover import GivenUp, Trouble, failing_over
from dispatchers.gate import TOO_LONG_MS, Elsewhere, Forbidden, Quiet, judged
from schemas.directory import Active, Organization, QuietHours
from schemas.facts import ClosedWhy
from schemas.provider import Provider
from schemas.tasks import RecordId, Task
from streams.rerouting import Stays, reroute
from streams.routing import Chosen
from tests.unit.directory.pools import TELNYX
from tests.unit.directory.test_at_handover import UK, US, directory, pool, task

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


LONG: Final[dict[str, Any]] = {"valid_until": 10**14, "forget_at": 10**14, "to_number": NEW_YORK}
RECORD = RecordId(topic="t", partition=0, offset=1)


def test_a_refused_sender_of_a_pool_is_replaced_once() -> None:
    found = directory(us={"status": Active.SUSPENDED})
    sent = pool().model_copy(update=LONG)
    assert judged(found, sent, EVENING) == Elsewhere(GivenUp("it is suspended", Trouble.REFUSED))
    back = sent.model_copy(update={"refused_senders": (US,)})
    assert judged(found, back, EVENING) == Forbidden(ClosedWhy.SENDER_SUSPENDED)
    assert judged(found, task(**LONG), EVENING) == Forbidden(ClosedWhy.SENDER_SUSPENDED)


@pytest.mark.parametrize("confirms", [False, True])
@pytest.mark.parametrize("made", [task, pool])
def test_a_number_that_has_moved_never_sends_through_the_account_that_had_it(
    made: Callable[[], Task], confirms: bool
) -> None:
    found = directory(TELNYX, us={"account": TELNYX.id})
    sent = made().model_copy(update={**LONG, "confirms": confirms, "turn": 5})
    gone = judged(found, sent, EVENING)
    assert isinstance(gone, Elsewhere)
    assert gone.given_up.trouble is Trouble.MOVED
    asked = failing_over(sent, RECORD, gone.given_up.why, gone.given_up.trouble)
    anew = reroute(asked, found, sticky=US, standing=Standing(), now=EVENING)
    assert isinstance(anew, Chosen)
    # Its own number is as good as any.
    assert (anew.task.sender, anew.task.account, anew.task.provider) == (US, TELNYX.id, Provider.TELNYX)
    assert (anew.task.turn, anew.task.record) == (None, RECORD)
    assert judged(found, anew.task, EVENING) is None
    # `route` may not have heard of it: then it does not go round and round.
    behind = reroute(asked, directory(), sticky=US, standing=Standing(), now=EVENING)
    assert behind == Stays(asked.task.model_copy(update={"not_before": EVENING + 5_000}))


def test_what_has_moved_to_an_account_that_is_not_in_use_ends_or_is_replaced() -> None:
    off = TELNYX.model_copy(update={"status": Active.SUSPENDED})
    found = directory(off, us={"account": TELNYX.id})
    assert judged(found, task(**LONG), EVENING) == Forbidden(ClosedWhy.ACCOUNT_UNAVAILABLE)
    gone = judged(found, pool().model_copy(update=LONG), EVENING)
    assert isinstance(gone, Elsewhere)
    assert gone.given_up.trouble is Trouble.REFUSED


def test_what_is_longer_than_a_day_asks_for_no_slot() -> None:
    """It would have all others wait, and could never go."""
    found = directory(us={"day_cap": 3})
    sent = pool().model_copy(update={**LONG, "segments": 4})
    gone = judged(found, sent, EVENING)
    assert isinstance(gone, Elsewhere)
    assert gone.given_up.trouble is Trouble.NUMBER
    asked = failing_over(sent, RECORD, gone.given_up.why, gone.given_up.trouble)
    anew = reroute(asked, found, sticky=US, standing=Standing(), now=EVENING)
    assert isinstance(anew, Chosen)
    assert anew.task.sender == UK
    waits = Quiet(EVENING + TOO_LONG_MS)
    assert judged(found, task(**LONG, segments=4), EVENING) == waits
    assert judged(found, sent.model_copy(update={"stays_until": EVENING + 1}), EVENING) == waits
    assert judged(found, sent.model_copy(update={"segments": 3}), EVENING) is None
