"""Which caps a hand-over keeps, and that each can be rested by its name."""

import pytest

from directory.snapshot import Directory
from dispatchers.paces import names, paces, throttled
from ledger.claims import Pace
from ledger.days import caps_rested
from schemas.directory import Account, AnyEntity, Brand, Campaign, Entry, Number, TwilioCredentials
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.tasks import Task

SENDER = "+15550001000"
TASK = Task(
    message_id="m", organization="acme", lane=Lane.QUEUED, provider=Provider.TWILIO, account="tw",
    sender=SENDER, to_number="+15559999", text="hello", segments=1, valid_until=1, forget_at=1,
)  # fmt: skip
ACCOUNT = Account(
    organization="operator", id="tw", rate=50, burst=10,
    credentials=TwilioCredentials(
        account_sid="AC", api_key_sid="SK", api_key_secret="env:A", auth_tokens=("env:B",)
    ),
)  # fmt: skip


def directory(*entities: AnyEntity) -> Directory:
    entries = [
        Entry(kind=e.kind, id=str(e.id), organization=e.organization, version=1, at=0, entity=e)
        for e in entities
    ]
    return Directory().after(entries)[0]


def number(campaign: str | None = None) -> Number:
    return Number(organization="acme", id=SENDER, account="tw", rate=2, burst=3, campaign=campaign)


def campaign(rate: float | None) -> Campaign:
    return Campaign(organization="acme", id="alerts", brand="acme", use="alerts", rate=rate)


def test_a_number_and_its_account() -> None:
    known = directory(ACCOUNT, number())
    assert paces(known, TASK) == (Pace(f"number:{SENDER}", 2, 3), Pace("account:tw", 50, 10))
    assert names(known, TASK) == (f"number:{SENDER}", "account:tw", "breaker:tw")


@pytest.mark.parametrize(("rate", "burst"), [(7.5, 7), (0.5, 1), (1, 1)])
def test_a_campaign_of_a_seconds_worth_at_once(rate: float, burst: int) -> None:
    known = directory(ACCOUNT, number("alerts"), campaign(rate))
    assert Pace("campaign:alerts", rate, burst) in paces(known, TASK)
    assert {pace.key for pace in paces(known, TASK)} < set(names(known, TASK))


def test_a_campaign_without_a_rate_holds_nobody_back() -> None:
    for known in (directory(ACCOUNT, number("alerts"), campaign(None)), directory(ACCOUNT, number("alerts"))):
        assert [pace.key for pace in paces(known, TASK)] == [f"number:{SENDER}", "account:tw"]


def test_a_day_cap_rests_by_a_name_of_its_own() -> None:
    """The pace of the same number goes on for those of other days."""
    capped = number("alerts").model_copy(update={"day_cap": 9})
    brand = Brand(organization="acme", id="acme", name="Acme", day_cap=2000)
    found = set(names(directory(ACCOUNT, capped, campaign(None), brand), TASK))
    assert {f"day:number:{SENDER}:9", "day:brand:acme:2000", f"number:{SENDER}"} < found


def test_what_a_provider_throttles() -> None:
    assert throttled(TASK, "21611") == f"number:{SENDER}"
    assert throttled(TASK, "20429") == throttled(TASK, "") == "account:tw"
    assert throttled(TASK, "30003") == ""


def test_what_the_directory_has_no_more_can_still_be_rested() -> None:
    assert paces(Directory(), TASK) == ()
    assert names(Directory(), TASK) == (f"number:{SENDER}", "account:tw", "breaker:tw")


def test_a_cap_that_is_raised_rests_no_more() -> None:
    """What is remembered of a rest is under another name by then."""
    now, raised = [
        names(directory(ACCOUNT, number().model_copy(update={"day_cap": cap})), TASK) for cap in (5, 5000)
    ]
    assert set(now) & set(raised) == {f"number:{SENDER}", "account:tw", "breaker:tw"}
    found = caps_rested([*now, *now])
    assert found == [f"number:{SENDER}"]
