"""What was accepted is judged again when it is handed over, by the directory as it is then."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

import pytest

from directory.at_handover import SENDER_IS, forbidden, moved
from directory.snapshot import Directory
from schemas.directory import (
    Account,
    Active,
    AnyEntity,
    Assistant,
    Brand,
    Campaign,
    Entry,
    Number,
    NumberKind,
    Registration,
    TwilioCredentials,
    UseCase,
    identity,
)
from schemas.facts import ClosedWhy
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.tasks import Task

US, UK = "+14155550100", "+447700900100"
USE_CASE: Final = UUID("5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10")
_CREDENTIALS: Final = TwilioCredentials(
    account_sid="AC0", api_key_sid="SK0", api_key_secret="env:A", auth_tokens=("env:B",)
)

Change = dict[str, Any] | None


def entities(**changes: Change) -> Iterable[AnyEntity]:
    """What may all be used; each change is what an entity is instead, None: it is not there."""
    made: dict[str, AnyEntity] = {
        "account": Account(organization="operator", id="main", credentials=_CREDENTIALS),
        "us": Number(organization="acme", id=US, account="main", campaign="news"),
        "uk": Number(organization="acme", id=UK, account="main"),
        "assistant": Assistant(organization="acme", id="desk", name="Desk", numbers=(US, UK)),
        "use_case": UseCase(organization="acme", id=USE_CASE, name="News", numbers=(US, UK)),
        "brand": Brand(organization="acme", id="acme", name="Acme", registration=Registration.VERIFIED),
        "campaign": Campaign(
            organization="acme", id="news", brand="acme", use="news", registration=Registration.VERIFIED
        ),
    }
    for name, change in changes.items():
        if change is None:
            del made[name]
        else:
            made[name] = made[name].model_copy(update=change)
    return made.values()


def directory(*more: AnyEntity, **changes: Change) -> Directory:
    entries = [
        Entry(kind=kind, id=id_, organization=entity.organization, version=1, at=1, entity=entity)
        for entity in (*entities(**changes), *more)
        for kind, id_ in [identity(entity)]
    ]
    return Directory().after(entries)[0]


def task(sender: str = US, **update: Any) -> Task:
    return Task(
        message_id="m", organization="acme", lane=Lane.QUEUED, provider=Provider.TWILIO, account="main",
        sender=sender, to_number="+14155550123", text="hi", segments=1, valid_until=9, forget_at=9,
    ).model_copy(update=update)  # fmt: skip


def pool(sender: str = US) -> Task:
    return task(sender, use_case_id=str(USE_CASE))


@pytest.mark.parametrize("made", [task, pool])
@pytest.mark.parametrize("sender", [US, UK])
def test_what_was_accepted_may_go(made: Callable[[str], Task], sender: str) -> None:
    assert forbidden(directory(), made(sender)) is None


SUSPENDED = {"status": Active.SUSPENDED}


@pytest.mark.parametrize(
    ("change", "named", "chosen"),
    [
        ({"us": None}, ClosedWhy.SENDER_NOT_FOUND, ClosedWhy.SENDER_NOT_FOUND),
        ({"us": {"organization": "other"}}, ClosedWhy.SENDER_NOT_FOUND, ClosedWhy.SENDER_NOT_FOUND),
        ({"us": SUSPENDED}, ClosedWhy.SENDER_SUSPENDED, ClosedWhy.SENDER_SUSPENDED),
        ({"account": None}, ClosedWhy.ACCOUNT_UNAVAILABLE, ClosedWhy.ACCOUNT_UNAVAILABLE),
        (
            {"account": {"organization": "other"}},
            ClosedWhy.ACCOUNT_UNAVAILABLE, ClosedWhy.ACCOUNT_UNAVAILABLE,
        ),
        ({"account": SUSPENDED}, ClosedWhy.ACCOUNT_UNAVAILABLE, ClosedWhy.ACCOUNT_UNAVAILABLE),
        ({"assistant": None}, ClosedWhy.SENDER_NOT_FOUND, None),
        ({"assistant": {"numbers": (UK,)}}, ClosedWhy.SENDER_NOT_FOUND, None),
        ({"assistant": {"organization": "other"}}, ClosedWhy.SENDER_NOT_FOUND, None),
        ({"assistant": SUSPENDED}, ClosedWhy.ASSISTANT_SUSPENDED, None),
        ({"use_case": None}, None, ClosedWhy.USE_CASE_NOT_FOUND),
        ({"use_case": {"organization": "other"}}, None, ClosedWhy.USE_CASE_NOT_FOUND),
        ({"use_case": SUSPENDED}, None, ClosedWhy.USE_CASE_SUSPENDED),
        ({"use_case": {"numbers": (UK,)}}, None, ClosedWhy.SENDER_NOT_FOUND),
        (
            {"brand": {"registration": Registration.SUSPENDED}},
            ClosedWhy.BRAND_SUSPENDED, ClosedWhy.BRAND_SUSPENDED,
        ),
        ({"brand": {"registration": Registration.PENDING}}, None, None),
        (
            {"campaign": {"registration": Registration.SUSPENDED}},
            ClosedWhy.CAMPAIGN_NOT_VERIFIED, ClosedWhy.CAMPAIGN_NOT_VERIFIED,
        ),
        # Doors ask only use cases for a verified campaign.
        ({"campaign": {"registration": Registration.PENDING}}, None, ClosedWhy.CAMPAIGN_NOT_VERIFIED),
        ({"us": {"campaign": None}}, None, ClosedWhy.CAMPAIGN_NOT_VERIFIED),
        ({"us": {"campaign": None, "number_kind": NumberKind.TOLL_FREE}}, None, None),
    ],
)  # fmt: skip
def test_what_has_changed_since_stops_it(
    change: dict[str, Change], named: ClosedWhy | None, chosen: ClosedWhy | None
) -> None:
    found = directory(**change)
    assert forbidden(found, task()) is named
    assert forbidden(found, pool()) is chosen


def test_a_suspended_campaign_stops_numbers_that_need_none() -> None:
    suspended = {"registration": Registration.SUSPENDED}
    found = directory(uk={"campaign": "news"}, campaign=suspended)
    for made in (task(UK), pool(UK)):
        assert forbidden(found, made) is ClosedWhy.CAMPAIGN_NOT_VERIFIED


@pytest.mark.parametrize("change", [{"use_case": None}, {"use_case": SUSPENDED}, {"assistant": None}])
def test_an_answer_goes_out_from_the_number_that_was_written_to(change: dict[str, Change]) -> None:
    found = directory(**change)
    for answer in (task(confirms=True), pool().model_copy(update={"confirms": True})):
        assert forbidden(found, answer) is None
        assert forbidden(directory(us=SUSPENDED), answer) is ClosedWhy.SENDER_SUSPENDED


@pytest.mark.parametrize("made", [task, pool])
def test_the_account_that_counts_is_the_one_that_its_number_is_on_now(made: Callable[[str], Task]) -> None:
    assert forbidden(directory(us={"account": "gone"}), made(US)) is ClosedWhy.ACCOUNT_UNAVAILABLE
    old = made(US).model_copy(update={"account": "gone"})
    assert forbidden(directory(), old) is None
    # Through the old one it never goes: it is routed anew.
    assert (moved(directory(), old), moved(directory(), made(US))) == ("main", None)


def test_only_what_is_wrong_with_the_sender_alone_is_mended_by_another_one() -> None:
    assert {
        ClosedWhy.SENDER_NOT_FOUND, ClosedWhy.SENDER_SUSPENDED, ClosedWhy.ACCOUNT_UNAVAILABLE,
        ClosedWhy.CAMPAIGN_NOT_VERIFIED, ClosedWhy.BRAND_SUSPENDED,
    } == set(SENDER_IS)  # fmt: skip
