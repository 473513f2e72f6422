"""Posts are believed only if the platform signed them just now: checked both ways with the reference."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from heliograph import EventType, InboundRecord, State, StatusRecord
from heliograph.webhooks import (
    Event,
    SwitchedOff,
    Trial,
    UnreadableEventError,
    WebhookError,
    _key,
    _signature,
    verify,
)
from tests.fakes.records import INBOUND, STATUS

NOW = 1_777_544_102
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ---").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret").decode()
OFF = {
    "type": "switched_off.v1", "subscription": "orders", "organization": "acme", "url": "https://example.com/",
    "since": 1000, "at": 2000, "detail": "HTTP 500",
}  # fmt: skip
TRIAL = {"type": "test.v1", "id": "t-2", "subscription": "orders", "organization": "acme", "at": 1000}


def body(kind: str = "message.delivered", data: object = STATUS) -> bytes:
    event = {"type": kind, "timestamp": "2026-04-30T10:15:02.400Z", "data": data}
    return json.dumps(event, ensure_ascii=False).encode()


def signed(told: bytes, *secrets: str, at: int = NOW, id_: str = "msg-1") -> dict[str, str]:
    """The headers that the reference library makes."""
    when = datetime.fromtimestamp(at, UTC)
    signatures = [Webhook(secret).sign(id_, when, told.decode()) for secret in secrets]
    return {"webhook-id": id_, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}


def test_what_the_reference_signs_is_verified() -> None:
    event = verify(body(), signed(body(), SECRET), SECRET, now=NOW)
    assert event.id == "msg-1"
    assert event.type is EventType.DELIVERED
    assert isinstance(event.data, StatusRecord)
    assert event.data.status is State.DELIVERED
    assert event.data.at == event.timestamp == datetime(2026, 4, 30, 10, 15, 2, 400_000, tzinfo=UTC)
    assert event.data.text == "Grüße ☀"


def test_what_we_would_sign_the_reference_verifies() -> None:
    at = int(datetime.now(UTC).timestamp())
    headers = {"webhook-id": "msg-1", "webhook-timestamp": str(at)}
    headers["webhook-signature"] = _signature(_key(SECRET), f"msg-1.{at}.".encode() + body()).decode()
    assert Webhook(SECRET).verify(body(), headers)["type"] == "message.delivered"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body(), headers)


@pytest.mark.parametrize(
    ("kind", "data", "read"),
    [
        ("text.received", INBOUND, InboundRecord),
        ("subscription.switched_off", OFF, SwitchedOff),
        ("subscription.test", TRIAL, Trial),
        ("message.teleported", STATUS | {"status": "teleported"}, StatusRecord),
        ("of.later", {"type": "of_later.v1", "x": 1}, dict),
    ],
)
def test_each_kind_is_read_as_what_it_is(kind: str, data: dict[str, object], read: type) -> None:
    event = verify(body(kind, data), signed(body(kind, data), SECRET), SECRET, now=NOW)
    assert isinstance(event.data, read)
    assert event.type == kind


@pytest.mark.parametrize(
    ("signers", "known"),
    [((SECRET, OTHER), [OTHER]), ((OTHER, SECRET), [OTHER]), ((SECRET,), [OTHER, SECRET])],
)
def test_while_secrets_are_rotated_any_that_fits_is_enough(
    signers: tuple[str, ...], known: list[str]
) -> None:
    assert isinstance(verify(body(), signed(body(), *signers), known, now=NOW), Event)


@pytest.mark.parametrize("apart", [-300, 300])
def test_five_minutes_are_tolerated(apart: int) -> None:
    verify(body(), signed(body(), SECRET), SECRET, now=NOW + apart)


GOOD = signed(body(), SECRET)
FORGED: dict[str, tuple[bytes, Mapping[str, str]]] = {
    "another secret": (body(), signed(body(), OTHER)),
    "another body": (body() + b" ", GOOD),
    "another id": (body(), GOOD | {"webhook-id": "msg-2"}),
    "another time": (body(), GOOD | {"webhook-timestamp": str(NOW + 1)}),
    "too old": (body(), signed(body(), SECRET, at=NOW - 301)),
    "too new": (body(), signed(body(), SECRET, at=NOW + 301)),
    "no time": (body(), GOOD | {"webhook-timestamp": "now"}),
    "a time of other digits": (body(), GOOD | {"webhook-timestamp": "\u0661\u0667"}),
    "a time without end": (body(), GOOD | {"webhook-timestamp": "9" * 5000}),
    "another version": (
        body(),
        GOOD | {"webhook-signature": GOOD["webhook-signature"].replace("v1,", "v2,")},
    ),
    "no version": (body(), GOOD | {"webhook-signature": GOOD["webhook-signature"].removeprefix("v1,")}),
    "a strange id": (body(), GOOD | {"webhook-id": "\ud800"}),
    "an empty signature": (body(), GOOD | {"webhook-signature": ""}),
    "strange letters": (body(), GOOD | {"webhook-signature": "v1,☀\udcff"}),
    **{f"without {name}": (body(), {k: v for k, v in GOOD.items() if k != name}) for name in GOOD},
}


@pytest.mark.parametrize("how", FORGED)
def test_what_is_forged_or_played_again_is_refused(how: str) -> None:
    told, headers = FORGED[how]
    with pytest.raises(WebhookError):
        verify(told, headers, SECRET, now=NOW)


@pytest.mark.parametrize(
    "told",
    [b"", b"[]", b"{", b"\xff", body(data=[]), body(data={"type": "status.v1"}), body(data={"type": []}),
     body(data=STATUS | {"at": 10**30}), b'{"type": "x", "data": {"type": "y"}}'],
)  # fmt: skip
def test_what_is_signed_and_no_event_is_told_apart(told: bytes) -> None:
    headers = {"Webhook-Id": "m", "WEBHOOK-TIMESTAMP": str(NOW)}
    headers["webhook-signature"] = _signature(_key(SECRET), f"m.{NOW}.".encode() + told).decode()
    with pytest.raises(UnreadableEventError) as raised:
        verify(told, headers, SECRET, now=NOW)
    assert "Grüße" not in str(raised.value)


@pytest.mark.parametrize("secrets", ["", "whsec_", "whsec_*", [], ["whsec_", SECRET]])
def test_no_secret_is_a_mistake_and_not_a_forgery(secrets: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify(body(), GOOD, secrets, now=NOW)
