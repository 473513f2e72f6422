"""Telnyx's messages, idempotency keys and webhooks, against its documents and its SDK's models."""

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import ServerDisconnectedError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from simulator.messages import Draft, Message
from simulator.provider import Attempt
from simulator.receipts import Status, plan
from simulator.telnyx.webhooks import compose, pause
from tests.unit.simulator.harness import HANDSET, NUMBER, Received, Receiver, Sender, Start

_PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
_KEY = {"Authorization": "Bearer KEY1"}


def _verify(callback: Received) -> None:
    """As Telnyx documents it: timestamp, a bar, the raw body."""
    signature = base64.b64decode(callback.headers["telnyx-signature-ed25519"])
    signed = callback.headers["telnyx-timestamp"].encode() + b"|" + callback.body
    Ed25519PublicKey.from_public_bytes(base64.b64decode(_PUBLIC_KEY)).verify(signature, signed)


def _event(callback: Received) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(callback.body)
    return event


async def test_a_sent_message_is_readable_by_the_sdk(sender: Sender) -> None:
    from telnyx.types.message_send_response import MessageSendResponse

    answer = await sender.telnyx(text="€" * 81, tags=["m-1"], webhook_url="https://example.com/h")
    assert answer.status == 200
    data = MessageSendResponse.model_validate(await answer.json()).data
    assert data is not None
    assert data.to is not None
    assert data.from_ is not None
    assert (data.to[0].phone_number, data.to[0].status) == (HANDSET, "queued")
    assert (data.from_.phone_number, data.record_type, data.direction) == (
        NUMBER,
        "message",
        "outbound",
    )
    assert (data.parts, data.encoding, data.tags, data.errors) == (2, "GSM-7", ["m-1"], [])
    assert (data.type, data.cost, data.sent_at, data.completed_at) == ("SMS", None, None, None)
    assert data.received_at is not None
    assert data.webhook_url == "https://example.com/h"


@pytest.mark.parametrize(
    ("fields", "status", "code", "pointer"),
    [
        ({"to": None}, 422, "10004", "/to"),
        ({"to": "14155550100"}, 400, "40310", "/to"),
        ({"from": None}, 422, "10004", "/from"),
        ({"from": "not a number at all"}, 400, "40305", "/from"),
        ({"text": None}, 400, "40316", "/text"),
        ({"text": ""}, 400, "40316", "/text"),
        ({"text": "a" * 1531}, 400, "40302", "/text"),
        ({"media_urls": "https://example.com/a.png"}, 400, "10015", "/media_urls"),
        ({"tags": [1]}, 400, "10015", "/tags"),
        ({"webhook_url": 1}, 400, "10015", "/webhook_url"),
    ],
)
async def test_a_wrong_request_gets_its_code(
    sender: Sender, fields: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    answer = await sender.telnyx(**fields)
    (error,) = (await answer.json())["errors"]
    assert (answer.status, error["code"]) == (status, code)
    assert error["source"]["pointer"] == pointer
    assert error["title"]
    assert await sender.texts() == []


@pytest.mark.parametrize(("body", "code"), [(b"{", "10023"), (b"[]", "10015"), (b"\xff", "10023")])
async def test_what_is_not_an_object_is_refused(sender: Sender, body: bytes, code: str) -> None:
    answer = await sender.simulator.post("/v2/messages", data=body, headers=_KEY)
    assert (answer.status, (await answer.json())["errors"][0]["code"]) == (400, code)


async def test_a_wrong_key_is_10009(sender: Sender) -> None:
    for headers in ({}, {"Authorization": "Bearer KEY2"}, {"Authorization": "Basic KEY1"}):
        answer = await sender.simulator.post("/v2/messages", json={}, headers=headers)
        assert (answer.status, (await answer.json())["errors"][0]["code"]) == (401, "10009")


async def test_a_success_is_replayed_and_sent_once(sender: Sender, start: Start) -> None:
    first = await sender.telnyx(key="nonce-1")
    second = await sender.telnyx(key="nonce-1")
    assert (first.status, second.status) == (200, 200)
    body = await first.read()
    assert await second.read() == body
    assert len(await sender.texts()) == 1
    assert [post["outcome"] for post in await sender.posts()] == ["accepted", "replayed"]
    # A restart does not forget it either.
    await sender.simulator.close()
    restarted = Sender(await start(), sender.key)
    third = await restarted.telnyx(key="nonce-1")
    assert await third.read() == body
    assert len(await restarted.texts()) == 1


async def test_without_a_key_a_repeat_is_another_message(sender: Sender) -> None:
    await sender.telnyx()
    await sender.telnyx()
    assert len(await sender.texts()) == 2


async def test_another_body_under_the_key_is_422(sender: Sender) -> None:
    await sender.telnyx(key="nonce-1")
    answer = await sender.telnyx(key="nonce-1", text="another")
    assert answer.status == 422
    body = b'{"to":"+14155550100","from":"+14155550199","text":"hello"}'
    answer = await sender.simulator.post(
        "/v2/messages", data=body, headers=_KEY | {"Idempotency-Key": "nonce-1"}
    )
    assert answer.status == 422, "the same JSON in other bytes is another body"
    assert len(await sender.texts()) == 1


async def test_a_key_in_progress_is_409(sender: Sender) -> None:
    await sender.fault({"kind": "slow", "ms": 60_000, "accepted": "after"}, times=1)
    first = asyncio.create_task(sender.telnyx(key="nonce-1"))
    await sender.until_posts(lambda posts: [post["fault"] for post in posts] == ["slow"])
    assert (await sender.telnyx(key="nonce-1")).status == 409
    assert (await sender.telnyx(key="nonce-1", text="another")).status == 422
    assert await sender.texts() == []
    first.cancel()


@pytest.mark.parametrize("key", ["", "a b", "ü", "k" * 256, "a.b"])
async def test_a_malformed_key_is_10015(sender: Sender, key: str) -> None:
    answer = await sender.telnyx(key=key)
    assert (answer.status, (await answer.json())["errors"][0]["code"]) == (400, "10015")


@pytest.mark.parametrize(
    ("fault", "texts"),
    [
        ({"kind": "throttle"}, 1),
        ({"kind": "server_error"}, 1),
        ({"kind": "reject", "code": "40318"}, 1),
        ({"kind": "server_error", "accepted": True}, 2),
        ({"kind": "server_error", "accepted": True, "key_remembered": True}, 1),
        ({"kind": "drop", "accepted": True}, 1),
        ({"kind": "drop", "accepted": False}, 1),
        ({"kind": "garbled", "body": "html"}, 1),
    ],
)
async def test_only_a_success_is_remembered(sender: Sender, fault: dict[str, Any], texts: int) -> None:
    await sender.fault(fault, times=1)
    if fault["kind"] == "drop":
        with pytest.raises(ServerDisconnectedError):
            await sender.telnyx(key="nonce-1")
    else:
        await sender.telnyx(key="nonce-1")
    assert (await sender.telnyx(key="nonce-1")).status == 200
    assert len(await sender.texts()) == texts


async def test_webhooks_are_signed_and_tell_sent_then_finalized(sender: Sender, receiver: Receiver) -> None:
    url = f"{receiver.base}/wh/telnyx?m=1"
    answer = await sender.telnyx(webhook_url=url, tags=["m-1"])
    message_id = (await answer.json())["data"]["id"]
    callbacks = await receiver.callbacks(2)
    events = [_event(callback)["data"] for callback in callbacks]
    assert [event["event_type"] for event in events] == ["message.sent", "message.finalized"]
    assert [event["payload"]["to"][0]["status"] for event in events] == ["sent", "delivered"]
    assert {event["payload"]["id"] for event in events} == {message_id}
    assert events[0]["id"] != events[1]["id"]
    assert events[0]["occurred_at"] < events[1]["occurred_at"]
    assert events[1]["payload"]["tags"] == ["m-1"]
    assert events[1]["payload"]["cost"] == {"amount": "0.0040", "currency": "USD"}
    assert events[1]["payload"]["completed_at"] is not None
    assert _event(callbacks[0])["meta"] == {"attempt": 1, "delivered_to": url}
    for callback in callbacks:
        _verify(callback)
        callback.body += b" "
        with pytest.raises(InvalidSignature):
            _verify(callback)


async def test_a_lookup_follows_the_message(sender: Sender, receiver: Receiver) -> None:
    answer = await sender.telnyx(webhook_url=f"{receiver.base}/")
    message_id = (await answer.json())["data"]["id"]
    await receiver.callbacks(2)
    answer = await sender.simulator.get(f"/v2/messages/{message_id}", headers=_KEY)
    assert (await answer.json())["data"]["to"][0]["status"] == "delivered"
    answer = await sender.simulator.get("/v2/messages/unknown", headers=_KEY)
    assert (answer.status, (await answer.json())["errors"][0]["code"]) == (404, "10005")
    assert (await sender.simulator.get(f"/v2/messages/{message_id}")).status == 401


async def test_a_webhook_that_fails_is_sent_again_with_the_same_event(
    sender: Sender, receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 200]
    await sender.fault({"kind": "receipts", "final": "none"})
    await sender.telnyx(webhook_url=f"{receiver.base}/a")
    events = [_event(callback) for callback in await receiver.callbacks(3)]
    assert len({event["data"]["id"] for event in events}) == 1
    assert [event["meta"]["attempt"] for event in events] == [1, 2, 3]


async def test_the_failover_url_comes_after_three_attempts(sender: Sender, receiver: Receiver) -> None:
    receiver.answers = [500] * 4
    await sender.fault({"kind": "receipts", "final": "none"})
    await sender.telnyx(webhook_url=f"{receiver.base}/a", webhook_failover_url=f"{receiver.base}/b")
    callbacks = await receiver.callbacks(5)
    assert [callback.url.removeprefix(receiver.base) for callback in callbacks] == [
        "/a",
        "/a",
        "/a",
        "/b",
        "/b",
    ]


def test_a_series_ends_after_the_last_url(attempt: Any) -> None:
    made: Attempt = attempt("telnyx", "https://example.com/", 3)
    assert pause(made, 500, (2.0, 15.0)) is None
    assert pause(attempt("telnyx", "https://example.com/", 2), 500, (2.0, 15.0)) == 15.0
    assert pause(attempt("telnyx", "https://example.com/", 1), "unreachable", (2.0, 15.0)) == 2.0
    assert pause(attempt("telnyx", "https://example.com/", 1), 200, (2.0, 15.0)) is None


@pytest.mark.parametrize(
    ("final", "events"),
    [
        ("undelivered", [("message.sent", "sent"), ("message.finalized", "delivery_failed")]),
        ("failed", [("message.finalized", "sending_failed")]),
    ],
)
async def test_failures(
    sender: Sender, receiver: Receiver, final: str, events: list[tuple[str, str]]
) -> None:
    await sender.fault({"kind": "receipts", "final": final, "code": "40001"})
    await sender.telnyx(webhook_url=f"{receiver.base}/")
    told = [_event(callback)["data"] for callback in await receiver.callbacks(len(events))]
    assert [(e["event_type"], e["payload"]["to"][0]["status"]) for e in told] == events
    assert told[-1]["payload"]["errors"][0]["code"] == "40001"
    assert await sender.texts() == []


def test_a_message_that_names_no_url_has_no_webhook() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    draft = Draft(provider="telnyx", account="a", to=HANDSET, sender=NUMBER, text="")
    receipts = plan([Status("sent")], None, 1.0)
    message = Message(id="1", draft=draft, at=0.0, reaches_handset=True, receipts=receipts)
    attempt = Attempt(message, place=0, number=1, now=1.0)
    assert compose(Ed25519PrivateKey.generate(), attempt) is None
