"""Handsets answer: the provider that has our number tells its webhook, as its documents say."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator

from tests.unit.simulator.harness import (
    ACCOUNT_SID,
    APPLICATION,
    AUTH_TOKEN,
    HANDSET,
    SEED,
    SIGNATURE_SECRET,
    Received,
    Receiver,
    Sender,
    Start,
)

OURS = {"twilio": "+14155550111", "telnyx": "+14155550112", "vonage": "+14155550113"}
PROVIDERS = tuple(OURS)
TEXT = "Grüße 👩‍👩‍👧‍👦 & +1%"
CAT = "https://media.example.com/cat.png"
DOG = "https://media.example.com/dog.mp4?x=1"


@pytest.fixture
async def handsets(config: dict[str, Any], receiver: Receiver, start: Start, rsa_key: Any) -> Sender:
    """With a number on each account, and its webhook."""
    for account, (provider, number) in zip(config["accounts"], OURS.items(), strict=True):
        account["numbers"] = [number.removeprefix("+") if provider == "vonage" else number]
        again = "#rc=2&rp=all" if provider == "twilio" else ""
        account["inbound_url"] = f"{receiver.base}/{provider}?a=1{again}"
    return Sender(await start(), rsa_key)


async def written(sender: Sender, provider: str, **fields: Any) -> str:
    """The provider's id of what a handset wrote."""
    body = {"to": OURS[provider], "text": TEXT} | fields
    answer = await sender.simulator.post(f"/handsets/{HANDSET}/texts", json=body)
    assert answer.status == 202, await answer.text()
    told = await answer.json()
    assert told["provider"] == provider
    return str(told["provider_message_id"])


def form_of(callback: Received) -> dict[str, str]:
    """Twilio's fields, with its signature checked by its SDK."""
    fields = {
        name: value for name, (value,) in parse_qs(callback.body.decode(), keep_blank_values=True).items()
    }
    signature = callback.headers["x-twilio-signature"]
    assert RequestValidator(AUTH_TOKEN).validate(callback.url, fields, signature)
    return fields


def event_of(callback: Received) -> dict[str, Any]:
    """Telnyx's event, with its signature checked."""
    signed = callback.headers["telnyx-timestamp"].encode() + b"|" + callback.body
    signature = base64.b64decode(callback.headers["telnyx-signature-ed25519"])
    Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(signature, signed)
    event: dict[str, Any] = json.loads(callback.body)["data"]
    return event


def body_of(callback: Received) -> dict[str, Any]:
    """Vonage's body, with its token and hash checked."""
    token = callback.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, SIGNATURE_SECRET, algorithms=["HS256"], leeway=60)
    assert claims["payload_hash"] == hashlib.sha256(callback.body).hexdigest()
    assert claims["application_id"] == APPLICATION
    body: dict[str, Any] = json.loads(callback.body)
    return body


async def test_twilio_tells_a_text(handsets: Sender, receiver: Receiver) -> None:
    sid = await written(handsets, "twilio")
    fields = form_of((await receiver.callbacks(1))[0])
    assert sid.startswith("SM")
    wanted = {
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": HANDSET,
        "To": OURS["twilio"],
        "Body": TEXT,
        "SmsStatus": "received",
        "NumMedia": "0",
        "NumSegments": "1",
    }
    assert fields.items() >= wanted.items()
    assert "MessageStatus" not in fields


async def test_twilio_tells_media(handsets: Sender, receiver: Receiver) -> None:
    sid = await written(handsets, "twilio", text="", media=[CAT, DOG])
    fields = form_of((await receiver.callbacks(1))[0])
    assert sid.startswith("MM")
    wanted = {
        "Body": "",
        "NumMedia": "2",
        "MediaUrl0": CAT,
        "MediaContentType0": "image/png",
        "MediaUrl1": DOG,
        "MediaContentType1": "video/mp4",
    }
    assert fields.items() >= wanted.items()


async def test_telnyx_tells_a_text(handsets: Sender, receiver: Receiver) -> None:
    sent = await written(handsets, "telnyx", media=[CAT])
    event = event_of((await receiver.callbacks(1))[0])
    assert event["event_type"] == "message.received"
    payload = event["payload"]
    assert (payload["id"], payload["direction"], payload["type"]) == (sent, "inbound", "MMS")
    assert payload["from"]["phone_number"] == HANDSET
    assert [one["phone_number"] for one in payload["to"]] == [OURS["telnyx"]]
    assert payload["text"] == TEXT
    assert [(one["url"], one["content_type"]) for one in payload["media"]] == [(CAT, "image/png")]


async def test_vonage_tells_a_text_and_a_picture(handsets: Sender, receiver: Receiver) -> None:
    sent = await written(handsets, "vonage", to=OURS["vonage"].removeprefix("+"), text="Stop it")
    body = body_of((await receiver.callbacks(1))[0])
    assert body["message_uuid"] == sent
    assert (body["from"], body["to"]) == (HANDSET.removeprefix("+"), OURS["vonage"].removeprefix("+"))
    assert (body["channel"], body["message_type"], body["text"]) == ("sms", "text", "Stop it")
    assert body["sms"] == {"num_messages": "1", "keyword": "STOP"}
    await written(handsets, "vonage", media=[DOG])
    body = body_of((await receiver.callbacks(2))[1])
    assert (body["channel"], body["message_type"]) == ("mms", "video")
    assert body["video"] == {"url": DOG, "name": "dog.mp4?x=1", "caption": TEXT}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_is_not_taken_is_told_again(provider: str, handsets: Sender, receiver: Receiver) -> None:
    receiver.answers = [503, 0]
    await written(handsets, provider)
    first, second, third = await receiver.callbacks(3)
    read = {"twilio": form_of, "telnyx": lambda it: event_of(it)["payload"], "vonage": body_of}[provider]
    assert read(first) == read(second) == read(third)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_faults_of_receipts_meet_texts_as_well(
    provider: str, handsets: Sender, receiver: Receiver
) -> None:
    fault = {"kind": "receipts", "copies": 2, "signature": "bad"}
    await handsets.fault(fault, match={"from": HANDSET, "to": OURS[provider]}, times=1)
    await written(handsets, provider)
    await written(handsets, provider, text="good")
    read = {"twilio": form_of, "telnyx": event_of, "vonage": body_of}[provider]
    callbacks = await receiver.callbacks(3)
    spoiled = [it for it in callbacks if b"good" not in it.body]
    assert len(spoiled) == 2
    for one in spoiled:
        with pytest.raises((AssertionError, InvalidSignature, jwt.InvalidSignatureError)):
            read(one)
    read(next(it for it in callbacks if b"good" in it.body))


async def test_what_was_not_told_is_told_after_a_restart(
    handsets: Sender, receiver: Receiver, start: Start
) -> None:
    await handsets.fault({"kind": "receipts", "delay_ms": 500})
    sent = await written(handsets, "telnyx")
    await handsets.simulator.close()
    assert receiver.received == []
    await start()
    assert event_of((await receiver.callbacks(1))[0])["payload"]["id"] == sent


async def test_a_text_to_us_is_none_that_a_handset_got(handsets: Sender, receiver: Receiver) -> None:
    await written(handsets, "twilio")
    await receiver.callbacks(1)
    assert await handsets.texts(OURS["twilio"]) == []
    assert (await (await handsets.simulator.get("/stats")).json())["texts"] == 0


@pytest.mark.parametrize(
    ("number", "body", "status"),
    [
        (HANDSET, {"to": "+19995550000", "text": "x"}, 404),
        (HANDSET, {"to": "", "text": "x"}, 404),
        (HANDSET, {"text": "x"}, 422),
        (HANDSET, {"to": OURS["twilio"]}, 422),
        (HANDSET, {"to": OURS["twilio"], "text": "x" * 1601}, 422),
        (HANDSET, {"to": OURS["twilio"], "media": ["ftp://x/y"]}, 422),
        (HANDSET, {"to": OURS["vonage"], "media": [CAT, DOG]}, 422),
        (HANDSET, {"to": OURS["twilio"], "text": "x", "odd": 1}, 422),
        (HANDSET, [], 422),
        ("nobody", {"to": OURS["twilio"], "text": "x"}, 422),
    ],
)
async def test_what_cannot_be_written(number: str, body: Any, status: int, handsets: Sender) -> None:
    answer = await handsets.simulator.post(f"/handsets/{number}/texts", json=body)
    assert answer.status == status
    assert "detail" in await answer.json()


async def test_an_account_without_a_webhook_says_so(config: dict[str, Any], start: Start) -> None:
    config["accounts"][1]["numbers"] = [OURS["telnyx"]]
    simulator = await start()
    answer = await simulator.post(f"/handsets/{HANDSET}/texts", json={"to": OURS["telnyx"], "text": "x"})
    assert answer.status == 409
    assert "tx-1 has no inbound_url" in (await answer.json())["detail"]
