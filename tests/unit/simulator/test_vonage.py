"""Vonage's Messages API and status webhooks, against its documents and PyJWT."""

import hashlib
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from simulator.config import CallbackSettings
from simulator.vonage.webhooks import pause
from tests.unit.simulator.harness import (
    APPLICATION,
    SIGNATURE_SECRET,
    Received,
    Receiver,
    Sender,
    Start,
)


def _claims(callback: Received) -> dict[str, Any]:
    """As Vonage documents it: the token's signature, and the body's hash in it."""
    token = callback.headers["authorization"].removeprefix("Bearer ")
    claims: dict[str, Any] = jwt.decode(
        token,
        SIGNATURE_SECRET,
        algorithms=["HS256"],
        leeway=60,
        options={"require": ["iat", "payload_hash"]},
    )
    assert claims["payload_hash"] == hashlib.sha256(callback.body).hexdigest()
    return claims


async def test_a_send_is_answered_202_with_an_id_alone(sender: Sender) -> None:
    answer = await sender.vonage(client_ref="m-1", ttl=600, webhook_version="v1")
    assert answer.status == 202
    body = await answer.json()
    assert list(body) == ["message_uuid"]
    (text,) = await sender.texts()
    assert (text["to"], text["from"]) == ("+14155550100", "+14155550199")
    assert (text["provider"], text["provider_message_id"]) == ("vonage", body["message_uuid"])


async def test_a_name_may_send(sender: Sender) -> None:
    assert (await sender.vonage(**{"from": "ACME"})).status == 202
    assert (await sender.texts())[0]["from"] == "ACME"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"to": None}, "to"),
        ({"to": "+14155550100"}, "to"),
        ({"to": "0155550100"}, "to"),
        ({"from": None}, "from"),
        ({"from": "+14155550199"}, "from"),
        ({"from": "longer than eleven"}, "from"),
        ({"text": None}, "text"),
        ({"text": "x" * 3201}, "text"),
        ({"channel": "whatsapp"}, "channel"),
        ({"message_type": "image"}, "message_type"),
        ({"client_ref": "x" * 101}, "client_ref"),
        ({"webhook_url": "nowhere"}, "webhook_url"),
        ({"webhook_version": "v2"}, "webhook_version"),
        ({"channel": "mms", "message_type": "image", "image": {}}, "image"),
    ],
)
async def test_a_wrong_request_names_the_parameter(sender: Sender, fields: dict[str, Any], name: str) -> None:
    answer = await sender.vonage(**fields)
    body = await answer.json(content_type="application/problem+json")
    assert answer.status == 422
    assert body["type"].endswith("#1150")
    assert name in {parameter["name"] for parameter in body["invalid_parameters"]}
    assert await sender.texts() == []


@pytest.mark.parametrize(
    ("fields", "text", "media"),
    [
        ({"message_type": "text"}, "hello", []),
        (
            {
                "message_type": "image",
                "text": None,
                "image": {"url": "https://example.com/a.png", "caption": "look"},
            },
            "look",
            ["https://example.com/a.png"],
        ),
        (
            {
                "message_type": "content",
                "text": None,
                "content": [
                    {"type": "image", "url": "https://example.com/a.png", "caption": "one"},
                    {"type": "file", "url": "https://example.com/b.pdf"},
                ],
            },
            "one",
            ["https://example.com/a.png", "https://example.com/b.pdf"],
        ),
    ],
)
async def test_mms(
    sender: Sender, receiver: Receiver, fields: dict[str, Any], text: str, media: list[str]
) -> None:
    answer = await sender.vonage(channel="mms", webhook_url=f"{receiver.base}/", **fields)
    assert answer.status == 202
    (received,) = await sender.texts()
    assert (received["text"], received["media"]) == (text, media)
    assert json.loads((await receiver.callbacks(1))[0].body)["channel"] == "mms"


async def test_tokens(sender: Sender) -> None:
    now = int(time.time())
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    good = sender.token()
    claims = {"application_id": APPLICATION, "iat": now, "jti": "1", "exp": now + 900}
    wrong = [
        "nonsense",
        sender.token(application_id="another"),
        sender.token(exp=now - 60),
        sender.token(exp=None),
        sender.token(jti=None),
        jwt.encode(claims, stranger, algorithm="RS256"),
        jwt.encode(claims, "k" * 32, algorithm="HS256"),
    ]
    for token in wrong:
        answer = await sender.vonage(token=token)
        body = await answer.json(content_type="application/problem+json")
        assert (answer.status, body["type"].split("#")[1]) == (401, "unauthorized"), token
    # One token serves many sends, as clients use it.
    assert [(await sender.vonage(token=good)).status for _ in range(3)] == [202] * 3


async def test_a_token_found_good_expires_all_the_same(sender: Sender) -> None:
    from simulator.config import Config
    from simulator.vonage.requests import Tokens

    public = sender.key.public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    config = Config.model_validate(
        {
            "state": "unused",
            "accounts": [
                {
                    "id": "v",
                    "provider": "vonage",
                    "api_key": "k",
                    "application_id": APPLICATION,
                    "public_key": pem,
                    "signature_secret": "s",
                }
            ],
        }
    )
    tokens = Tokens(config.accounts)  # type: ignore[arg-type] # all of them are Vonage's
    now = int(time.time())
    token = sender.token(exp=now + 60)
    assert tokens.account(token, now) == "v"
    assert tokens.account(token, now + 61) is None


async def test_webhooks_hold_the_documented_fields(sender: Sender, receiver: Receiver) -> None:
    url = f"{receiver.base}/wh/vonage?m=1"
    answer = await sender.vonage(client_ref="m-1", webhook_url=url, text="x" * 161)
    message_id = (await answer.json())["message_uuid"]
    callbacks = await receiver.callbacks(2)
    submitted, delivered = [json.loads(callback.body) for callback in callbacks]
    assert [submitted["status"], delivered["status"]] == ["submitted", "delivered"]
    for body in (submitted, delivered):
        assert (body["message_uuid"], body["client_ref"]) == (message_id, "m-1")
        assert (body["to"], body["from"]) == ("14155550100", "14155550199")
        assert (body["channel"], body["sms"]) == ("sms", {"count_total": "2"})
        assert body["timestamp"].endswith("Z")
    assert submitted["usage"] == {"currency": "EUR", "price": "0.0666"}
    assert submitted["timestamp"] < delivered["timestamp"]
    for callback in callbacks:
        assert callback.url == url
        claims = _claims(callback)
        assert (claims["iss"], claims["api_key"]) == ("Vonage", "a1b2c3d")
        assert claims["application_id"] == APPLICATION


async def test_the_application_has_a_webhook_of_its_own(
    config: dict[str, Any], start: Start, receiver: Receiver, rsa_key: Any
) -> None:
    config["accounts"][2]["status_url"] = f"{receiver.base}/application"
    await Sender(await start(), rsa_key).vonage()
    assert (await receiver.callbacks(1))[0].url.endswith("/application")


@pytest.mark.parametrize(
    ("final", "status", "code"), [("undelivered", "rejected", 1240), ("failed", "undeliverable", 1230)]
)
async def test_failures(sender: Sender, receiver: Receiver, final: str, status: str, code: int) -> None:
    await sender.fault({"kind": "receipts", "final": final, "code": str(code)})
    await sender.vonage(webhook_url=f"{receiver.base}/")
    body = json.loads((await receiver.callbacks(2))[1].body)
    assert (body["status"], body["error"]["title"]) == (status, code)
    assert body["error"]["type"].endswith(f"#{code}")
    assert await sender.texts() == []


async def test_an_unsigned_callback_comes_again_signed(sender: Sender, receiver: Receiver) -> None:
    receiver.answers = [503]
    await sender.fault({"kind": "receipts", "final": "none", "signature": "missing"})
    await sender.vonage(webhook_url=f"{receiver.base}/")
    first, second = await receiver.callbacks(2)
    assert "authorization" not in first.headers
    assert first.body == second.body
    _claims(second)


async def test_a_forged_callback_fails_its_check(sender: Sender, receiver: Receiver) -> None:
    await sender.fault({"kind": "receipts", "final": "none", "signature": "bad"})
    await sender.vonage(webhook_url=f"{receiver.base}/")
    (callback,) = await receiver.callbacks(1)
    with pytest.raises(jwt.InvalidSignatureError):
        _claims(callback)


@pytest.mark.parametrize(
    ("outcome", "number", "wait"),
    [
        (200, 1, None),
        (403, 1, None),
        (404, 1, None),
        (429, 1, 5.0),
        (500, 1, 5.0),
        (503, 3, 20.0),
        (503, 9, 900.0),
        ("unreachable", 2, 10.0),
        ("unanswered", 1, 5.0),
    ],
)
def test_retries(attempt: Any, outcome: Any, number: int, wait: float | None) -> None:
    settings = CallbackSettings()
    assert pause(attempt("vonage", "https://a.example/", number), outcome, 0.0, settings) == wait


def test_retries_end_after_a_day(attempt: Any) -> None:
    made = attempt("vonage", "https://a.example/", 90)
    assert pause(made, 500, 86_000.0, CallbackSettings()) is None
