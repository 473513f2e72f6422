"""Sends through use cases: each refusal from the state that causes it, and what an acceptance makes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from directory.snapshot import Directory
from ingress.acceptance import Accepted, Denied, accept
from ingress.codes import STATUS, Code
from ingress.permission import UNASKED, Recipient
from schemas.lanes import Lane
from schemas.messages import Door
from schemas.requests import ChannelBody, SendBody, SendRequest
from schemas.settings import MessageSettings
from tests.fakes.pools import EMPTY, HANDSET, OTHERS_CASE, USE_CASE, WEST, directory

SETTINGS = MessageSettings(validity_seconds=3600, lifetime_seconds=86_400)
HOUR = 3_600_000
#: Midnight in San Francisco.
NOW = 1_777_618_800_000
DOORS = (Door.REST, Door.KAFKA)
GERMAN, LANDLINE, CANADIAN = "+4915112345678", "+442071838750", "+14169670100"


def request(**fields: Any) -> SendRequest:
    body = {"use_case_id": USE_CASE, "to_phone_number": HANDSET, "message": "Hello", **fields}
    return ChannelBody.model_validate(body)


def judged(
    asked: SendRequest,
    known: Directory,
    recipient: Recipient = UNASKED,
    door: Door = Door.REST,
) -> Accepted | Denied:
    return accept(
        asked, "acme", known, recipient=recipient, door=door, message_id="m-1", now=NOW, settings=SETTINGS
    )


def accepted(asked: SendRequest, known: Directory) -> Accepted:
    found = judged(asked, known)
    assert isinstance(found, Accepted), found
    return found


SUSPENDED = {"status": "suspended"}
TOLL_FREE = {"number_kind": "toll_free", "campaign": None}
REFUSED: list[tuple[dict[str, Any], dict[str, Any], Code]] = [
    ({"use_case_id": "00000000-0000-4000-8000-000000000000"}, {}, Code.USE_CASE_NOT_FOUND),
    ({"use_case_id": OTHERS_CASE}, {}, Code.USE_CASE_NOT_FOUND),
    ({}, {"use_case": SUSPENDED}, Code.USE_CASE_SUSPENDED),
    ({"use_case_id": EMPTY}, {}, Code.NO_SENDER),
    ({"to_phone_number": "+14155"}, {}, Code.INVALID_RECIPIENT),
    ({"to_phone_number": "+12025550"}, {}, Code.NOT_A_NUMBER),
    ({"to_phone_number": "+19995550100"}, {}, Code.NOT_A_NUMBER),
    ({"to_phone_number": LANDLINE}, {}, Code.LANDLINE),
    ({"to_phone_number": CANADIAN}, {"use_case": {"regions": ["US"]}}, Code.REGION_NOT_PERMITTED),
    ({}, {"brand": {"registration": "suspended"}}, Code.BRAND_SUSPENDED),
    ({}, {"campaign": {"registration": "pending"}}, Code.CAMPAIGN_NOT_VERIFIED),
    ({}, {"campaign": {"registration": "suspended"}}, Code.CAMPAIGN_NOT_VERIFIED),
    ({}, {"west": {"campaign": None}, "east": {"campaign": None}}, Code.CAMPAIGN_NOT_VERIFIED),
    ({}, {"west": SUSPENDED, "east": SUSPENDED}, Code.NO_USABLE_SENDER),
    ({}, {"twilio": SUSPENDED, "east": SUSPENDED}, Code.NO_USABLE_SENDER),
    (
        {"media_urls": ["https://a.example/x"]},
        {"west": {"capabilities": ["sms"]}, "east": {"capabilities": ["sms"]}},
        Code.NO_USABLE_SENDER,
    ),
    ({"message": "x" * 1600}, {"west": SUSPENDED}, Code.NO_USABLE_SENDER),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "state", "code"), REFUSED)
@pytest.mark.parametrize("door", DOORS)
def test_refused_alike_at_both_doors(
    fields: dict[str, Any], state: dict[str, Any], code: Code, door: Door
) -> None:
    denied = judged(request(**fields), directory(**state), door=door)
    assert isinstance(denied, Denied)
    assert denied.code is code
    assert denied.detail.endswith((".", ")"))


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        (Recipient(opted_out=True), Code.OPTED_OUT),
        (Recipient(landline=True), Code.LANDLINE),
        (Recipient(opted_out=True, landline=True), Code.LANDLINE),
    ],
)
def test_what_is_known_of_the_recipient(recipient: Recipient, code: Code) -> None:
    denied = judged(request(), directory(), recipient)
    assert isinstance(denied, Denied)
    assert denied.code is code
    assert HANDSET in denied.detail


def test_the_contracts_statuses() -> None:
    ours = {code for _, _, code in REFUSED} | {Code.OPTED_OUT}
    assert {code for code in ours if STATUS[code] == 404} == {Code.USE_CASE_NOT_FOUND}
    assert {STATUS[code] for code in ours} == {404, 400, 422}


@pytest.mark.parametrize(
    ("state", "to"),
    [
        ({}, HANDSET),
        # One number is enough.
        ({"west": {"campaign": None}}, HANDSET),
        ({"west": SUSPENDED}, HANDSET),
        # The rule is of US long codes.
        ({"west": TOLL_FREE, "campaign": {"registration": "pending"}}, HANDSET),
        ({"use_case": {"regions": ["DE"]}}, GERMAN),
        ({}, CANADIAN),
    ],
)
def test_accepted(state: dict[str, Any], to: str) -> None:
    message = accepted(request(to_phone_number=to), directory(**state)).message
    assert (message.provider, message.lane) == (None, Lane.QUEUED)
    assert (message.content.from_number, message.content.use_case_id) == (None, USE_CASE)


def test_of_several_reasons_the_first_is_told() -> None:
    """In the order that docs/ingress.md gives."""
    state: dict[str, Any] = {
        "use_case": {"status": "suspended", "numbers": [], "regions": ["US"]},
        "brand": {"registration": "suspended"},
        "campaign": {"registration": "pending"},
    }
    told = []
    for mended in (
        {"use_case": {"numbers": [], "regions": ["US"]}},
        {"use_case": {"regions": ["US"]}},
        {},
    ):
        found = judged(request(to_phone_number=LANDLINE), directory(**state))
        assert isinstance(found, Denied)
        told.append(found.code)
        state |= mended
    found = judged(request(to_phone_number=CANADIAN), directory(**state), Recipient(opted_out=True))
    assert isinstance(found, Denied)
    told.append(found.code)
    for fixed in ("brand", "campaign"):
        found = judged(request(), directory(**state), Recipient(opted_out=True))
        assert isinstance(found, Denied)
        told.append(found.code)
        del state[fixed]
    found = judged(request(), directory(**state), Recipient(opted_out=True))
    assert isinstance(found, Denied)
    assert [*told, found.code] == [
        Code.USE_CASE_SUSPENDED, Code.NO_SENDER, Code.LANDLINE, Code.REGION_NOT_PERMITTED,
        Code.BRAND_SUSPENDED, Code.CAMPAIGN_NOT_VERIFIED, Code.OPTED_OUT,
    ]  # fmt: skip


def test_a_record_cannot_be_tried_out() -> None:
    denied = judged(request(dry_run=True), directory(), door=Door.KAFKA)
    assert isinstance(denied, Denied)
    assert denied.code is Code.INVALID_FIELD


def at(hours: float) -> str:
    return datetime.fromtimestamp(NOW / 1000 + 3600 * hours, UTC).isoformat()


def times(asked: SendRequest, known: Directory) -> tuple[float | None, float, float]:
    """`send_at`, validity and lifetime, in hours after `NOW`."""
    message = accepted(asked, known).message
    send_at = message.content.send_at
    return (
        None if send_at is None else (send_at - NOW) / HOUR,
        (message.valid_until - NOW) / HOUR,
        (message.forget_at - NOW) / HOUR,
    )


QUIET = {"quiet_hours": {"start": "21:00", "end": "08:00"}}
IN_UTC = {"quiet_hours": {"start": "06:00", "end": "10:30", "zone": "UTC"}}


@pytest.mark.parametrize(
    ("fields", "state", "expected"),
    [
        ({}, {}, (None, 1, 24)),
        ({"valid_for": 7200}, {}, (None, 2, 24)),
        ({}, {"use_case": {"validity_seconds": 1800}}, (None, 0.5, 24)),
        # That is for sends from numbers.
        ({}, {"defaults": {"validity_seconds": 60}}, (None, 1, 24)),
        ({"send_at": at(5)}, {}, (5, 6, 29)),
        ({"send_at": at(48)}, {}, (48, 49, 72)),
        ({"send_at": at(-5)}, {}, (None, 1, 24)),
        ({"send_at": at(0)}, {}, (None, 1, 24)),
        ({"send_at": at(5), "valid_for": 172_800}, {}, (5, 53, 54)),
        # It is midnight where the recipient is, and seven o'clock in UTC.
        ({}, {"use_case": QUIET}, (8, 9, 32)),
        ({"send_at": at(7)}, {"use_case": QUIET}, (8, 9, 32)),
        ({"send_at": at(9)}, {"use_case": QUIET}, (9, 10, 33)),
        ({"send_at": at(22)}, {"use_case": QUIET}, (32, 33, 56)),
        ({}, {"use_case": IN_UTC}, (3.5, 4.5, 27.5)),
        # Of sends from numbers.
        ({}, {"defaults": QUIET}, (None, 1, 24)),
    ],
)  # fmt: skip
def test_when_it_may_go(
    fields: dict[str, Any], state: dict[str, Any], expected: tuple[float | None, float, float]
) -> None:
    assert times(request(**fields), directory(**state)) == expected


def test_a_send_from_a_number_heeds_the_organizations_quiet_hours() -> None:
    asked = SendBody(from_phone_number=WEST, to_phone_number=HANDSET, message="Hello")
    assert times(asked, directory(defaults=QUIET)) == (8, 9, 32)
    assert times(asked, directory(use_case=QUIET)) == (None, 1, 24)


@pytest.mark.parametrize("hours", [48.001, 100])
@pytest.mark.parametrize("door", DOORS)
def test_too_far_ahead(hours: float, door: Door) -> None:
    denied = judged(request(send_at=at(hours)), directory(), door=door)
    assert isinstance(denied, Denied)
    assert (denied.code, denied.detail) == (
        Code.INVALID_FIELD, "Invalid send_at: it is more than 48 hours ahead",
    )  # fmt: skip


def test_the_pool_is_of_both_providers() -> None:
    """What one of them does not take goes through the other: the door does not refuse it."""
    assert isinstance(judged(request(message="x" * 1600), directory()), Accepted)
    assert isinstance(judged(request(message="x" * 1600), directory(west=SUSPENDED)), Denied)
