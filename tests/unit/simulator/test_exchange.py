"""Every scripted fault as it looks on the wire, on the handset and in the receipts."""

import asyncio
import base64
import json
import time
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator

from tests.unit.simulator.harness import AUTH_TOKEN, HANDSET, SEED, Received, Receiver, Sender

PROVIDERS = ("twilio", "telnyx", "vonage")
_SUCCESS = {"twilio": 201, "telnyx": 200, "vonage": 202}
_STATUSES = {
    "twilio": ["sent", "delivered"],
    "telnyx": ["sent", "delivered"],
    "vonage": ["submitted", "delivered"],
}

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


def _status(provider: str, callback: Received) -> str:
    match provider:
        case "twilio":
            return dict(parse_qsl(callback.body.decode()))["MessageStatus"]
        case "telnyx":
            return str(json.loads(callback.body)["data"]["payload"]["to"][0]["status"])
        case _:
            return str(json.loads(callback.body)["status"])


@every_provider
async def test_no_fault(sender: Sender, receiver: Receiver, provider: str) -> None:
    answer = await sender.over(provider, f"{receiver.base}/")
    assert answer.status == _SUCCESS[provider]
    callbacks = await receiver.callbacks(2)
    assert [_status(provider, callback) for callback in callbacks] == _STATUSES[provider]
    assert [text["text"] for text in await sender.texts()] == ["hello"]


@every_provider
async def test_slow_but_accepted_first(sender: Sender, provider: str) -> None:
    await sender.fault({"kind": "slow", "ms": 60_000})
    pending = asyncio.create_task(sender.over(provider))
    await sender.until_posts(lambda posts: [p["outcome"] for p in posts] == ["accepted"])
    assert len(await sender.texts()) == 1
    assert not pending.done()
    pending.cancel()


@every_provider
async def test_slow_and_accepted_last(sender: Sender, provider: str) -> None:
    await sender.fault({"kind": "slow", "ms": 60_000, "accepted": "after"})
    pending = asyncio.create_task(sender.over(provider))
    await sender.until_posts(lambda posts: [p["fault"] for p in posts] == ["slow"])
    assert await sender.texts() == []
    assert [post["outcome"] for post in await sender.posts()] == ["open"]
    pending.cancel()


@every_provider
async def test_slow_is_answered_in_the_end(sender: Sender, provider: str) -> None:
    for part in ("answer", "body"):
        await sender.fault({"kind": "slow", "ms": 20, "part": part}, times=1)
        answer = await sender.over(provider)
        assert answer.status == _SUCCESS[provider]
        assert await answer.json()


async def test_a_slow_body_follows_its_headers(sender: Sender) -> None:
    await sender.fault({"kind": "slow", "ms": 60_000, "part": "body"})
    answer = await sender.telnyx()
    assert answer.status == 200
    assert await answer.content.read(1) == b"{"
    answer.close()


@every_provider
async def test_refuse_resets_the_connection(sender: Sender, provider: str) -> None:
    await sender.fault({"kind": "refuse"})
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await sender.over(provider)
    assert await sender.texts() == []
    assert [(p["outcome"], p["status"]) for p in await sender.posts()] == [("refused", None)]


@every_provider
@pytest.mark.parametrize("accepted", [True, False])
async def test_drop(sender: Sender, receiver: Receiver, provider: str, accepted: bool) -> None:
    await sender.fault({"kind": "drop", "accepted": accepted})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sender.over(provider, f"{receiver.base}/")
    assert len(await sender.texts()) == accepted
    if accepted:
        await receiver.callbacks(2)


@every_provider
@pytest.mark.parametrize("accepted", [True, False])
async def test_hang_until_the_client_leaves(sender: Sender, provider: str, accepted: bool) -> None:
    await sender.fault({"kind": "hang", "accepted": accepted})
    pending = asyncio.create_task(sender.over(provider))
    outcome = "accepted" if accepted else "refused"
    await sender.until_posts(lambda posts: [p["outcome"] for p in posts] == [outcome])
    assert len(await sender.texts()) == accepted
    assert not pending.done()
    pending.cancel()


async def test_a_hang_is_bounded(sender: Sender) -> None:
    await sender.fault({"kind": "hang", "max_seconds": 0.01})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sender.telnyx()


@pytest.mark.parametrize(
    ("provider", "code", "status", "shown"),
    [
        ("twilio", "21610", 400, "21610"),
        ("twilio", "30450", 400, "30450"),
        ("telnyx", "40300", 400, "40300"),
        ("telnyx", "40020", 400, "40020"),
        ("vonage", "1120", 422, "1120"),
        ("vonage", "low-balance", 402, "low-balance"),
    ],
)
async def test_reject(sender: Sender, provider: str, code: str, status: int, shown: str) -> None:
    await sender.fault({"kind": "reject", "code": code})
    answer = await sender.over(provider)
    assert answer.status == status
    assert _code(provider, await answer.json(content_type=None)) == shown
    assert await sender.texts() == []


async def test_reject_with_another_status(sender: Sender) -> None:
    await sender.fault({"kind": "reject", "code": "40300", "status": 403, "message": "no"})
    answer = await sender.telnyx()
    assert (answer.status, (await answer.json())["errors"][0]["detail"]) == (403, "no")


@pytest.mark.parametrize(("provider", "code"), [("twilio", "20429"), ("telnyx", "10011"), ("vonage", "1010")])
async def test_throttle(sender: Sender, provider: str, code: str) -> None:
    await sender.fault({"kind": "throttle", "retry_after_seconds": 7}, times=1)
    await sender.fault({"kind": "throttle", "retry_after_seconds": None})
    answer = await sender.over(provider)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert _code(provider, await answer.json(content_type=None)) == code
    answer = await sender.over(provider)
    assert (answer.status, "Retry-After" in answer.headers) == (429, False)
    assert await sender.texts() == []


@every_provider
@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("body", ["json", "html"])
async def test_server_error(sender: Sender, provider: str, accepted: bool, body: str) -> None:
    await sender.fault({"kind": "server_error", "status": 502, "accepted": accepted, "body": body})
    answer = await sender.over(provider)
    assert answer.status == 502
    assert ("html" in answer.content_type) is (body == "html")
    assert len(await sender.texts()) == accepted


@every_provider
@pytest.mark.parametrize(("body", "shown"), [("empty", b""), ("object", b"{}"), ("html", b"<html>")])
async def test_garbled(sender: Sender, receiver: Receiver, provider: str, body: str, shown: bytes) -> None:
    await sender.fault({"kind": "garbled", "body": body})
    answer = await sender.over(provider, f"{receiver.base}/")
    assert answer.status == _SUCCESS[provider]
    assert (await answer.read())[:6] == shown
    assert len(await sender.texts()) == 1
    await receiver.callbacks(2)


@every_provider
async def test_early_receipts_are_there_before_the_answer(
    sender: Sender, receiver: Receiver, provider: str
) -> None:
    await sender.fault({"kind": "receipts", "when": "early"})
    await sender.over(provider, f"{receiver.base}/")
    assert [_status(provider, it) for it in receiver.received] == _STATUSES[provider]


@every_provider
async def test_an_early_receipt_of_a_send_that_is_never_answered(
    sender: Sender, receiver: Receiver, provider: str
) -> None:
    await sender.fault({"kind": "drop", "accepted": True})
    await sender.fault({"kind": "receipts", "when": "early", "order": "reversed"})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sender.over(provider, f"{receiver.base}/")
    assert [_status(provider, it) for it in receiver.received] == _STATUSES[provider][::-1]


@every_provider
@pytest.mark.parametrize("silent", [{"when": "never"}, {"delay_ms": 600_000}])
async def test_receipts_that_never_come(
    sender: Sender, receiver: Receiver, provider: str, silent: dict[str, Any]
) -> None:
    await sender.fault({"kind": "receipts", **silent}, times=1)
    await sender.over(provider, f"{receiver.base}/silent")
    await sender.over(provider, f"{receiver.base}/told")
    told = await receiver.callbacks(2)
    assert {callback.url.removeprefix(receiver.base) for callback in told} == {"/told"}
    assert len(await sender.texts()) == 2


@every_provider
async def test_receipts_twice(sender: Sender, receiver: Receiver, provider: str) -> None:
    await sender.fault({"kind": "receipts", "copies": 2})
    await sender.over(provider, f"{receiver.base}/")
    callbacks = await receiver.callbacks(4)
    first, last = _STATUSES[provider]
    assert [_status(provider, it) for it in callbacks] == [first, first, last, last]
    if provider == "telnyx":
        assert len({json.loads(it.body)["data"]["id"] for it in callbacks}) == 2
    assert len(await sender.texts()) == 1


@every_provider
async def test_receipts_out_of_order(sender: Sender, receiver: Receiver, provider: str) -> None:
    await sender.fault({"kind": "receipts", "order": "reversed"})
    await sender.over(provider, f"{receiver.base}/")
    callbacks = await receiver.callbacks(2)
    assert [_status(provider, it) for it in callbacks] == _STATUSES[provider][::-1]


@every_provider
async def test_no_ending(sender: Sender, receiver: Receiver, provider: str) -> None:
    await sender.fault({"kind": "receipts", "final": "none"}, times=1)
    await sender.over(provider, f"{receiver.base}/a")
    await receiver.callbacks(1)
    await sender.over(provider, f"{receiver.base}/b")
    urls = [it.url.removeprefix(receiver.base) for it in await receiver.callbacks(3)]
    assert urls == ["/a", "/b", "/b"]
    assert len(await sender.texts()) == 2


async def test_bad_signatures(sender: Sender, receiver: Receiver) -> None:
    await sender.fault({"kind": "receipts", "final": "none", "signature": "bad"})
    url = f"{receiver.base}/#rc=1&rp=all"
    receiver.answers = [403, 204, 403, 204]
    await sender.twilio(StatusCallback=url)
    bad, good = await receiver.callbacks(2)
    assert not _twilio_verifies(bad)
    assert _twilio_verifies(good)
    await sender.telnyx(webhook_url=f"{receiver.base}/")
    _, _, bad, good = await receiver.callbacks(4)
    with pytest.raises(InvalidSignature):
        _verify_telnyx(bad)
    _verify_telnyx(good)


async def test_stale_and_future_times(sender: Sender, receiver: Receiver) -> None:
    await sender.fault({"kind": "receipts", "final": "none", "skew_seconds": -301})
    await sender.telnyx(webhook_url=f"{receiver.base}/")
    (stale,) = await receiver.callbacks(1)
    assert stale.at - int(stale.headers["telnyx-timestamp"]) >= 301
    _verify_telnyx(stale)
    await sender.simulator.put(
        "/faults", json=[{"fault": {"kind": "receipts", "final": "none", "skew_seconds": 300}}]
    )
    await sender.vonage(webhook_url=f"{receiver.base}/")
    _, ahead = await receiver.callbacks(2)
    token = ahead.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iat"] > time.time() + 200


async def test_faults_are_scripted_for_a_number_or_an_account(sender: Sender) -> None:
    await sender.fault({"kind": "throttle"}, match={"to": HANDSET, "account": "tw-1"})
    assert (await sender.twilio()).status == 429
    assert (await sender.twilio(To="+14155550101")).status == 201
    assert (await sender.telnyx()).status == 200


async def test_a_request_that_is_wrong_uses_up_no_fault(sender: Sender) -> None:
    await sender.fault({"kind": "throttle"}, times=1)
    assert (await sender.twilio(To="wrong")).status == 400
    assert (await sender.twilio()).status == 429
    assert (await sender.twilio()).status == 201


async def test_a_refused_message_uses_up_no_fault_of_receipts(sender: Sender, receiver: Receiver) -> None:
    await sender.fault({"kind": "throttle"}, times=1)
    await sender.fault({"kind": "receipts", "when": "early"}, times=1)
    await sender.twilio()
    await sender.twilio(StatusCallback=f"{receiver.base}/")
    assert len(receiver.received) == 2


def _code(provider: str, body: Any) -> str:
    match provider:
        case "twilio":
            return str(body["code"])
        case "telnyx":
            return str(body["errors"][0]["code"])
        case _:
            return str(body["type"]).rsplit("#", maxsplit=1)[-1]


def _twilio_verifies(callback: Received) -> bool:
    params = dict(parse_qsl(callback.body.decode()))
    signature = callback.headers["x-twilio-signature"]
    return bool(RequestValidator(AUTH_TOKEN).validate(callback.url, params, signature))


def _verify_telnyx(callback: Received) -> None:
    signed = callback.headers["telnyx-timestamp"].encode() + b"|" + callback.body
    signature = base64.b64decode(callback.headers["telnyx-signature-ed25519"])
    Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(signature, signed)
