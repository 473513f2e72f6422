"""One acceptance: each reason to refuse, with its status, code and sentence; and what an acceptance makes."""

from typing import Any

import pytest
from pydantic import ValidationError

from ingress.acceptance import Accepted, Denied, accept, refusal
from ingress.codes import Code
from schemas.lanes import Lane
from schemas.messages import Door
from schemas.provider import Provider
from schemas.requests import SendRequest, fingerprint
from schemas.settings import MessageSettings
from tests.fakes import world

DIRECTORY = world.directory()
SETTINGS = MessageSettings(validity_seconds=3600, lifetime_seconds=86_400)
NOW = 1_700_000_000_000
DAY_MS = 86_400_000


def request(**fields: Any) -> SendRequest:
    return SendRequest.model_validate(
        {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello", **fields}
    )


def judged(asked: SendRequest, organization: str = "acme", door: Door = Door.REST) -> Accepted | Denied:
    return accept(asked, organization, DIRECTORY, door=door, message_id="m-1", now=NOW, settings=SETTINGS)


@pytest.mark.parametrize(
    ("fields", "status", "code", "detail"),
    [
        (
            {"from_phone_number": "4155550100"},
            400,
            Code.INVALID_SENDER,
            "Invalid from_phone_number format. Use E.164 format (e.g., +1234567890)",
        ),
        (
            {"to_phone_number": "(415) 555-0100"},
            400,
            Code.INVALID_RECIPIENT,
            "Invalid to_phone_number format. Use E.164 format (e.g., +1234567890)",
        ),
        ({"message": ""}, 400, Code.EMPTY_MESSAGE, "Message content cannot be empty"),
        ({"message": " \n\t"}, 400, Code.EMPTY_MESSAGE, "Message content cannot be empty"),
        ({"message": "x" * 1601}, 400, Code.MESSAGE_TOO_LONG, "Message exceeds 1600 characters"),
        ({"message": "a\0b"}, 400, Code.NUL_IN_MESSAGE, "Message content cannot hold the NUL character"),
        ({"idempotency_key": " "}, 400, Code.INVALID_IDEMPOTENCY_KEY, "Invalid idempotency_key: it is empty"),
        (
            {"media_urls": ["https://a.example/x"] * 11},
            400,
            Code.TOO_MANY_MEDIA,
            "Invalid media_urls: at most 10 are taken",
        ),
        (
            {"media_urls": ["https://a.example/x", "ftp://a.example/x"]},
            400,
            Code.INVALID_MEDIA_URL,
            "Invalid media_urls: number 2 is no http or https URL",
        ),
        (
            {"media_urls": ["https://a.example/x", "http://127.0.0.1/x"]},
            400,
            Code.PRIVATE_MEDIA_URL,
            "Invalid media_urls: number 2 is not at a public address",
        ),
        (
            {"from_phone_number": world.TELNYX, "message": "x" * 1531},
            400,
            Code.TEXT_TOO_LONG_FOR_PROVIDER,
            "Invalid message: it has 11 segments, and telnyx takes 10",
        ),
        (
            {
                "from_phone_number": world.TELNYX,
                "media_urls": ["https://a.example/" + "x" * 1983],
            },
            400,
            Code.INVALID_MEDIA_URL,
            "Invalid media_urls: number 1 has 2001 characters, and telnyx takes 2000",
        ),
        (
            {"from_phone_number": world.OTHERS},
            403,
            Code.WRONG_ORGANIZATION,
            "Unauthorized: phone number belongs to different organization",
        ),
        (
            {"from_phone_number": "+19995550100"},
            404,
            Code.SENDER_NOT_FOUND,
            "No assistant found for phone number +19995550100",
        ),
        (
            {"from_phone_number": "+14155550106"},
            404,
            Code.SENDER_NOT_FOUND,
            "No assistant found for phone number +14155550106",
        ),
        (
            {"from_phone_number": "+14155550103"},
            403,
            Code.SENDER_SUSPENDED,
            "Phone number +14155550103 is suspended",
        ),
        (
            {"from_phone_number": "+14155550105"},
            403,
            Code.ASSISTANT_SUSPENDED,
            "Assistant Asleep is suspended",
        ),
        (
            {"from_phone_number": "+14155550104"},
            403,
            Code.ACCOUNT_UNAVAILABLE,
            "The account of phone number +14155550104 is not in use",
        ),
        (
            {"from_phone_number": world.SMS_ONLY, "media_urls": ["https://a.example/x"]},
            400,
            Code.MEDIA_NOT_SUPPORTED,
            f"Phone number {world.SMS_ONLY} cannot send media",
        ),
        (
            {"from_phone_number": "+14155550107"},
            400,
            Code.SMS_NOT_SUPPORTED,
            "Phone number +14155550107 cannot send SMS",
        ),
    ],
)
@pytest.mark.parametrize("door", Door)
def test_refused(fields: dict[str, Any], status: int, code: Code, detail: str, door: Door) -> None:
    denied = judged(request(**fields), door=door)
    assert isinstance(denied, Denied)
    assert (denied.status, denied.code, denied.detail) == (status, code, detail)


@pytest.mark.parametrize(
    "number", ["+1", "+0123456789", "14155550100", "+1415555010a", "+14155550100\n", " +14155550100",
               "+1234567890123456", "+١٤١٥٥٥٥٠١٠٠", ""],
)  # fmt: skip
def test_what_is_not_e164(number: str) -> None:
    denied = judged(request(to_phone_number=number))
    assert isinstance(denied, Denied)
    assert denied.code is Code.INVALID_RECIPIENT


@pytest.mark.parametrize(
    "url",
    ["http://", "https:///x", "//a.example/x", "javascript:alert(1)", "https://a.example/a b", "https://[::1",
     "https://a.example:99999/", "https://a.example/\n", "file:///etc/passwd", "x" * 3000, ""],
)  # fmt: skip
def test_what_is_no_web_address(url: str) -> None:
    denied = judged(request(media_urls=[url]))
    assert isinstance(denied, Denied)
    assert denied.code is Code.INVALID_MEDIA_URL


@pytest.mark.parametrize(
    "text",
    ["a", "x" * 1600, "🙂" * 1600, "שלום", "e\u0301", "\u00e9", "👩‍👩‍👧", "\u202eabc", " a ", "a\r\n\tb"],
)
def test_texts_go_through_unchanged(text: str) -> None:
    accepted = judged(request(message=text))
    assert isinstance(accepted, Accepted)
    assert accepted.message.content.text == text


def test_what_an_acceptance_makes() -> None:
    asked = request(
        from_phone_number=world.TELNYX,
        media_urls=["https://a.example/x.png"],
        queue=False,
        idempotency_key="k",
        reference="order 5",
    )
    accepted = judged(asked)
    assert isinstance(accepted, Accepted)
    assert accepted.provider is Provider.TELNYX
    message = accepted.message
    assert (message.message_id, message.organization, message.door) == ("m-1", "acme", Door.REST)
    assert message.lane is Lane.IMMEDIATE
    assert message.provider is Provider.TELNYX
    assert message.content.segments == 1
    assert message.valid_until == NOW + 3_600_000
    assert message.forget_at == NOW + DAY_MS
    assert message.content.accepted_at == NOW
    assert message.content.media == ("https://a.example/x.png",)
    assert message.content.reference == "order 5"
    assert message.content.fingerprint == fingerprint(asked)


@pytest.mark.parametrize(
    ("door", "key", "repeats"),
    [(Door.REST, None, False), (Door.REST, "k", True), (Door.KAFKA, None, True), (Door.KAFKA, "k", True)],
)
def test_what_can_come_again(door: Door, key: str | None, repeats: bool) -> None:
    accepted = judged(request(idempotency_key=key), door=door)
    assert isinstance(accepted, Accepted)
    assert accepted.message.can_repeat is repeats


def test_a_refusal_carries_what_was_asked_for() -> None:
    asked = request(message="")
    denied = judged(asked)
    assert isinstance(denied, Denied)
    record = refusal(denied, asked, "acme", door=Door.KAFKA, message_id="m-1", now=NOW, settings=SETTINGS)
    assert (record.code, record.detail) == ("empty_message", "Message content cannot be empty")
    assert record.can_repeat
    assert record.content.to_number == world.HANDSET
    assert record.forget_at == NOW + DAY_MS


@pytest.mark.parametrize(
    ("text", "media", "expected"),
    [("x" * 160, [], 1), ("x" * 161, [], 2), ("ç" * 71, [], 2), ("x" * 1600, ["https://a.example/x"], 1)],
)
def test_segments_are_counted(text: str, media: list[str], expected: int) -> None:
    accepted = judged(request(message=text, media_urls=media))
    assert isinstance(accepted, Accepted)
    assert accepted.message.content.segments == expected


def validity(asked: SendRequest, text: str = world.FILE, **settings: int) -> tuple[int, int]:
    """For how long a message may be sent and is remembered, in seconds after `NOW`."""
    chosen = SETTINGS.model_copy(update=settings)
    accepted = accept(
        asked, "acme", world.directory(text), door=Door.KAFKA, message_id="m", now=NOW, settings=chosen
    )
    assert isinstance(accepted, Accepted)
    return (accepted.message.valid_until - NOW) // 1000, (accepted.message.forget_at - NOW) // 1000


OWN_VALIDITY = world.FILE.replace("  acme:\n", "  acme:\n    defaults: {validity_seconds: 120}\n", 1)


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [(world.FILE, None, 3600), (world.FILE, 5, 5), (OWN_VALIDITY, None, 120), (OWN_VALIDITY, 5, 5)],
)
def test_its_own_validity_counts_then_the_organizations_then_the_settings(
    text: str, asked: int | None, expected: int
) -> None:
    assert validity(request(valid_for=asked), text) == (expected, 86_400)


def test_a_message_is_remembered_for_longer_than_it_may_be_sent() -> None:
    assert validity(request(valid_for=172_800)) == (172_800, 172_800 + 3600)


@pytest.mark.parametrize("seconds", [0, -1, 172_801, 1.5, "5", True])
def test_what_is_no_validity(seconds: object) -> None:
    with pytest.raises(ValidationError, match="valid_for"):
        request(valid_for=seconds)
