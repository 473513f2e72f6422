"""Telnyx' signatures and events."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.facts import ReceiptStatus
from schemas.provider import Fault
from schemas.reports import TELNYX
from tests.fakes.callbacks import NOW, TELNYX_PUBLIC, Post, Verdict, telnyx, telnyx_event, verdict
from webhooks.providers import telnyx as dialect
from webhooks.providers.telnyx import parse
from webhooks.words import Idle, Report, Strange, Unreadable

PUBLIC = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
BODY = b'{"data":{"event_type":"message.finalized","id":"4ee8c3a6-4995-4309-a3c6-38e3db9ea4be"}}'
SIGNED = "ph8cHPdkmV+s3YBx6L4tiLrL2ZbBOM2EyCxv7UK9PWjprjyMgX0nszVWHZCVQGbjuyNrP9nm7mHTbWwBdOnbAg=="
VECTOR = Post("https://x", {"telnyx-timestamp": "1795312000", "telnyx-signature-ed25519": SIGNED}, BODY)
OTHER = base64.b64encode(
    Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
).decode()


def test_vector() -> None:
    assert TELNYX_PUBLIC == PUBLIC
    assert verdict(dialect, VECTOR, [PUBLIC]) is Verdict.GENUINE
    assert verdict(dialect, VECTOR, [OTHER, PUBLIC]) is Verdict.GENUINE
    assert verdict(dialect, VECTOR, [OTHER]) is Verdict.FORGED
    changed = Post(VECTOR.url, VECTOR.headers, BODY.replace(b"finalized", b"sent"))
    assert verdict(dialect, changed, [PUBLIC]) is Verdict.FORGED


def test_the_library_agrees() -> None:
    post = telnyx()
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC))
    signature = base64.b64decode(post.headers["telnyx-signature-ed25519"])
    public.verify(signature, f"{NOW}|".encode() + post.body)
    assert verdict(dialect, post, [PUBLIC]) is Verdict.GENUINE


@pytest.mark.parametrize("away", [300, -300, 0])
def test_within_five_minutes(away: int) -> None:
    assert verdict(dialect, telnyx(at=NOW + away), [PUBLIC]) is Verdict.GENUINE


@pytest.mark.parametrize("away", [301, -301, 86_400])
def test_beyond_five_minutes(away: int) -> None:
    assert verdict(dialect, telnyx(at=NOW + away), [PUBLIC]) is Verdict.FORGED


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1795312000.0", "١٧٩٥٣١٢٠٠٠", "1" * 13, "1" * 5000])
def test_a_time_that_is_none(stamp: str) -> None:
    headers = {**VECTOR.headers, "telnyx-timestamp": stamp}
    assert verdict(dialect, Post(VECTOR.url, headers, BODY), [PUBLIC]) is Verdict.FORGED


@pytest.mark.parametrize("signature", ["!!!", "ü", base64.b64encode(bytes(64)).decode(), "AAAA"])
def test_a_signature_that_is_none(signature: str) -> None:
    headers = {**VECTOR.headers, "telnyx-signature-ed25519": signature}
    assert verdict(dialect, Post(VECTOR.url, headers, BODY), [PUBLIC]) is Verdict.FORGED


def test_unsigned() -> None:
    assert verdict(dialect, Post("https://x", {}, BODY), [PUBLIC]) is Verdict.UNSIGNED


@pytest.mark.parametrize("kind", ["message.sent", "message.finalized"])
@pytest.mark.parametrize(("status", "moved"), TELNYX.items())
def test_statuses(status: str, moved: ReceiptStatus | None, kind: str) -> None:
    found = parse(telnyx(telnyx_event(status, kind)).incoming())
    if moved is None:
        assert found == Idle(status)
    else:
        assert isinstance(found, Report)
        assert found.status is moved
        assert found.provider_message_id == "ac012cbf-5e09-46af-a69a-7c0e2d90993c"
        assert found.at == NOW * 1000 - 9852


@pytest.mark.parametrize(
    ("title", "fault"), [("Blocked due to STOP message", Fault.OPTED_OUT), ("Unreachable", Fault.RECIPIENT)]
)
def test_40300_is_an_opt_out_only_where_it_says_stop(title: str, fault: Fault) -> None:
    errors = [{"code": "40300", "title": title, "detail": "x"}]
    found = parse(telnyx(telnyx_event("delivery_failed", errors=errors)).incoming())
    assert isinstance(found, Report)
    assert (found.code, found.fault, found.detail) == ("40300", fault, "x")


def test_other_words() -> None:
    assert parse(telnyx(telnyx_event("teleported")).incoming()) == Strange("teleported")
    assert parse(telnyx(telnyx_event(kind="message.read")).incoming()) == Strange("message.read")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"data"',
        b"\xff",
        telnyx_event(id=None),
        telnyx_event(to=[]),
        telnyx_event(to="x"),
        telnyx_event(to=[None]),
    ],
)
def test_what_is_not_documented_is_unreadable(body: object) -> None:
    assert isinstance(parse(telnyx(body or b"").incoming()), Unreadable)


@pytest.mark.parametrize("moment", ["soon", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "\ud83d"])
def test_a_moment_that_is_none(moment: str) -> None:
    event = telnyx_event()
    event["data"]["occurred_at"] = moment  # type: ignore[index] # JSON
    found = parse(telnyx(event).incoming())
    assert isinstance(found, Report)
    assert found.at is None
