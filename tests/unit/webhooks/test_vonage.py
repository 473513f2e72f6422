"""Vonage's tokens and statuses."""

import json
import time
from urllib.parse import urlencode

import jwt
import pytest
from vonage_jwt.errors import VonageVerifyJwtError
from vonage_jwt.verify_jwt import verify_signature

from schemas.facts import ReceiptStatus
from schemas.provider import Fault
from schemas.reports import VONAGE
from tests.fakes.callbacks import (
    NOW,
    VONAGE_SECRET,
    Post,
    Verdict,
    verdict,
    vonage,
    vonage_body,
    vonage_token,
)
from webhooks.providers import vonage as dialect
from webhooks.providers.vonage import parse
from webhooks.words import Report, Strange, Unreadable

TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpYXQiOjE3OTUzMTIwMDAsImp0aSI6ImM1YmE4ZjI0LTFhMTQtNGMxMC1iZmRmLTNmYmU4Y2U1MTFiNSIsImlzcyI6IlZvbmFnZSIs"
    "InBheWxvYWRfaGFzaCI6IjVhNzQ1N2Q2ZGUxZDY1ZTcyNzM4ZjdjMzBkZjBiOWM2M2M4YTE5MjU0ZDM1NTkzNzIxODIwMmQ3ODdmNjBh"
    "ODciLCJhcGlfa2V5IjoiYTFiMmMzZCIsImFwcGxpY2F0aW9uX2lkIjoiYWFhYWFhYWEtYmJiYi1jY2NjLWRkZGQtMDEyMzQ1Njc4OWFi"
    "In0.dXiDVSvWVEW99Q8jScoEVKYAlbk-W0LjrwEW0vz1vTQ"
)
BODY = (
    b'{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab","to":"447700900000","from":"447700900001",'
    b'"timestamp":"2026-11-22T02:00:00.000Z","status":"delivered","channel":"sms","client_ref":"ref-1"}'
)
#: The one of the SDK's own tests; it has no hash of a payload, which the SDK never asks for.
SDK_TOKEN = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4MjgsImF1ZCI6IiIsInN1YiI6"
    "IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM"
)
SDK_SECRET = "qwertyuiopasdfghjklzxcvbnm123456"
OTHER = "z" * 32


def bearing(token: str, body: bytes = BODY) -> Post:
    return Post("https://x", {"authorization": f"Bearer {token}"}, body)


def test_vector() -> None:
    assert verdict(dialect, bearing(TOKEN), [VONAGE_SECRET]) is Verdict.GENUINE
    assert verdict(dialect, bearing(TOKEN), [OTHER, VONAGE_SECRET]) is Verdict.GENUINE
    assert verdict(dialect, bearing(TOKEN), [OTHER]) is Verdict.FORGED


def test_a_changed_body_is_forged_though_the_sdk_would_take_it() -> None:
    then = 1_700_000_000
    post = vonage(iat=then)
    token = post.headers["authorization"].removeprefix("Bearer ")
    changed = bearing(token, post.body.replace(b"delivered", b"rejected"))
    assert verify_signature(token, VONAGE_SECRET) is True
    assert verdict(dialect, post, [VONAGE_SECRET], then) is Verdict.GENUINE
    assert verdict(dialect, changed, [VONAGE_SECRET], then) is Verdict.FORGED


def test_a_clock_some_seconds_ahead_is_taken_though_the_sdk_refuses_it() -> None:
    now = time.time()
    post = vonage(iat=int(now) + 50)
    with pytest.raises(VonageVerifyJwtError, match="not yet valid"):
        verify_signature(post.headers["authorization"].removeprefix("Bearer "), VONAGE_SECRET)
    assert verdict(dialect, post, [VONAGE_SECRET], now) is Verdict.GENUINE


def test_the_sdks_vector_is_signed_but_says_nothing_of_the_body() -> None:
    assert verify_signature(SDK_TOKEN, SDK_SECRET) is True
    assert jwt.decode(SDK_TOKEN, SDK_SECRET, algorithms=["HS256"], options={"verify_aud": False})
    assert verdict(dialect, bearing(SDK_TOKEN), [SDK_SECRET], 1697634680) is Verdict.FORGED


@pytest.mark.parametrize("away", [60, 5, 0, -3600, -24 * 3600, -72 * 3600])
def test_times_that_are_taken(away: int) -> None:
    """Their clock may be ahead of ours; and they retry for a day, perhaps without signing again."""
    assert verdict(dialect, vonage(iat=NOW + away), [VONAGE_SECRET]) is Verdict.GENUINE


@pytest.mark.parametrize("away", [61, -72 * 3600 - 1])
def test_times_that_are_not(away: int) -> None:
    assert verdict(dialect, vonage(iat=NOW + away), [VONAGE_SECRET]) is Verdict.FORGED


def test_an_expired_token_is_forged() -> None:
    assert verdict(dialect, vonage(exp=NOW - 61), [VONAGE_SECRET]) is Verdict.FORGED
    assert verdict(dialect, vonage(exp=NOW - 60), [VONAGE_SECRET]) is Verdict.GENUINE


@pytest.mark.parametrize(
    "claims", [{"payload_hash": None}, {"payload_hash": 7}, {"exp": "soon"}, {"iat": "x"}]
)
def test_claims_of_the_wrong_kind(claims: dict[str, object]) -> None:
    token = jwt.encode({"iat": NOW, "payload_hash": "0" * 64, **claims}, VONAGE_SECRET, algorithm="HS256")
    assert verdict(dialect, bearing(token), [VONAGE_SECRET]) is Verdict.FORGED


def test_other_algorithms_are_forged() -> None:
    claims = jwt.decode(vonage_token(BODY), options={"verify_signature": False})
    none = jwt.encode(claims, "", algorithm="none")
    hs512 = jwt.encode(claims, VONAGE_SECRET * 2, algorithm="HS512")
    assert verdict(dialect, bearing(none), [VONAGE_SECRET]) is Verdict.FORGED
    assert verdict(dialect, bearing(hs512), [VONAGE_SECRET * 2]) is Verdict.FORGED


def test_an_audience_does_not_matter() -> None:
    assert verdict(dialect, vonage(aud="us"), [VONAGE_SECRET]) is Verdict.GENUINE


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "Bearer x", "Bearer a.b.c", TOKEN])
def test_what_is_no_token(header: str) -> None:
    post = Post("https://x", {"authorization": header}, BODY)
    assert verdict(dialect, post, [VONAGE_SECRET]) is Verdict.FORGED


def test_unsigned() -> None:
    assert verdict(dialect, Post("https://x", {}, BODY), [VONAGE_SECRET]) is Verdict.UNSIGNED


SAID = {"message_uuid": "aaaaaaaa-bbbb", "status": "delivered", "timestamp": "2026-11-22T02:00:00.000Z"}
OURS = {"account": "main", "mac": "0"}


@pytest.mark.parametrize("signed", [SAID, OURS | SAID])
def test_by_get_the_hash_is_of_the_parameters(signed: dict[str, str]) -> None:
    token = vonage_token(json.dumps(signed, separators=(",", ":")).encode())
    headers = {"authorization": f"Bearer {token}"}
    post = Post("https://x?" + urlencode(OURS | SAID), headers, b"", "GET")
    assert verdict(dialect, post, [VONAGE_SECRET]) is Verdict.GENUINE
    changed = Post(post.url.replace("delivered", "rejected"), headers, b"", "GET")
    assert verdict(dialect, changed, [VONAGE_SECRET]) is Verdict.FORGED
    found = parse(post.incoming())
    assert isinstance(found, Report)
    assert found.provider_message_id == "aaaaaaaa-bbbb"


@pytest.mark.parametrize(("status", "moved"), VONAGE.items())
def test_statuses(status: str, moved: ReceiptStatus | None) -> None:
    found = parse(vonage(vonage_body(status)).incoming())
    assert isinstance(found, Report)
    assert found.status is moved
    assert found.at == NOW * 1000 - 10_000


@pytest.mark.parametrize(
    "error",
    [
        {"type": "https://developer.vonage.com/api-errors/messages#1240", "title": "Stopped", "detail": "x"},
        {"title": 1240, "detail": "x"},
        {"title": "1240", "detail": "x"},
    ],
)
def test_the_code_may_be_a_number_its_digits_or_a_fragment(error: dict[str, object]) -> None:
    found = parse(vonage(vonage_body("rejected", error=error)).incoming())
    assert isinstance(found, Report)
    assert (found.code, found.fault, found.detail) == ("1240", Fault.OPTED_OUT, "x")


def test_other_words() -> None:
    assert parse(vonage(vonage_body("teleported")).incoming()) == Strange("teleported")
    for body in (b"{", b"[]", b"\xff"):
        assert isinstance(parse(vonage(body).incoming()), Unreadable)
    assert isinstance(parse(vonage(vonage_body(message_uuid=None)).incoming()), Unreadable)
