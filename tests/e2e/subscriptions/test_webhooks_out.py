"""Webhooks out on a running stack: what a real receiver, which verifies as any may, is told of a message."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from confluent_kafka import Producer
from standardwebhooks import Webhook, WebhookVerificationError

from cli.local.ports import HOST, choose
from cli.local.stack import Stack
from schemas import topics
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.fakes.receiving import Got, Receiver, receiving

pytestmark = pytest.mark.e2e
#: Over each door, before and after the killing.
EACH = 10


class Subscriptions:
    """Subscriptions over the admin API, by the key of the operator."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def make(self, organization: str, name: str, url: str) -> None:
        path = f"/v1/directory/subscriptions/{name}?organization={organization}"
        answer = await self._api.call("PUT", path, json={"url": url})
        assert answer.status == 201, answer

    async def ask(self, method: str, name: str, what: str, **body: Any) -> dict[str, Any]:
        answer = await self._api.call(method, f"/v1/subscriptions/{name}/{what}", json=body or None)
        assert answer.status in {200, 202}, answer
        return answer.body

    async def secret(self, name: str) -> str:
        return str((await self.ask("GET", name, "secret"))["secret"])

    async def live(self, name: str, receiver: Receiver, secret: str) -> None:
        """Return once the notifiers know it as we do: a trial comes that `secret` verifies."""
        sent = set()

        async def look() -> bool:
            sent.add((await self.ask("POST", name, "test"))["webhook_id"])
            return any(one.id in sent and verifies(secret, one) for one in receiver.got)

        await eventually(look, bool)

    async def remove(self, name: str) -> None:
        await self._api.call("DELETE", f"/v1/directory/subscriptions/{name}")


def verifies(secret: str, one: Got) -> bool:
    try:
        Webhook(secret).verify(one.body, one.headers)
    except WebhookVerificationError:
        return False
    return True


def once(got: Iterable[Got]) -> list[dict[str, Any]]:
    """The events as a receiver sees them that drops the ids that it knows."""
    return [one.event for one in {one.id: one for one in reversed(list(got))}.values()][::-1]


def told(got: Iterable[Got], message_id: str) -> list[tuple[str, int]]:
    """What was told of a message, in order."""
    return [
        (event["type"], event["data"]["sequence"])
        for event in once(got)
        if event["data"].get("message_id") == message_id
    ]


async def expected(api: Api, message_id: str) -> list[tuple[str, int]]:
    """All that there was to tell of it, as the API has it."""
    history = (await api.whole(message_id)).body["history"]
    return [(f"message.{step['status']}", place) for place, step in enumerate(history, 1)]


class Sending:
    """Messages of acme over both doors."""

    def __init__(self, stack: Stack, api: Api, to: Callable[[], str]) -> None:
        self._api, self._to, self._sender = api, to, stack.run.senders[0]
        self._kafka = stack.run.kafka
        #: The references of those over Kafka.
        self.references: list[str] = []
        #: The ids of those over REST.
        self.ids: list[str] = []

    async def some(self) -> None:
        producer = Producer({"bootstrap.servers": self._kafka})
        for _ in range(EACH):
            answer = await self._api.send(self._sender, self._to(), "Over REST")
            self.ids.append(accepted(answer))
            request = {
                "from_phone_number": self._sender,
                "to_phone_number": self._to(),
                "message": "Over Kafka",
                "reference": uuid.uuid4().hex,
            }
            self.references.append(str(request["reference"]))
            producer.produce(topics.REQUESTS, json.dumps(request))
        assert await asyncio.to_thread(producer.flush, 30) == 0


def all_ended(got: list[Got], sent: Sending) -> bool:
    ended = [event["data"] for event in once(got) if event["type"] == "message.delivered"]
    return {one["message_id"] for one in ended} >= set(sent.ids) and {
        one.get("reference") for one in ended
    } >= set(sent.references)


async def test_each_transition_comes_once_in_order_and_signed_whatever_dies(
    stack: Stack, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    operator = Subscriptions(api.as_(stack.run.operator_api_key))
    ours, theirs, dead = (f"e2e-{name}-{uuid.uuid4().hex[:8]}" for name in ("ours", "theirs", "dead"))
    sent = Sending(stack, api, handset)
    async with AsyncExitStack() as held:
        receiver, other = [await held.enter_async_context(receiving()) for _ in range(2)]
        for organization, name, url in (
            ("acme", ours, receiver.url),
            ("acme", dead, f"http://{HOST}:{choose()}/nobody"),
            ("globex", theirs, other.url),
        ):
            await operator.make(organization, name, url)
            held.push_async_callback(operator.remove, name)
        first = await operator.secret(ours)
        await operator.live(ours, receiver, first)
        await operator.live(theirs, other, await operator.secret(theirs))

        await sent.some()
        second = str((await operator.ask("POST", ours, "rotate", keep_seconds=3600))["secret"])
        stack.child("notifiers").kill()
        await sent.some()
        text = uuid.uuid4().hex
        assert (await phones.text_us(handset(), to=stack.run.senders[0], text=text)).status == 202
        await operator.live(ours, receiver, second)
        await receiver.until(lambda: all_ended(receiver.got, sent))
        await receiver.until(lambda: any(event["data"].get("text") == text for event in once(receiver.got)))

        for one in receiver.got:
            assert verifies(first, one), "the former secret signs beside the new one"
        assert not verifies(second, receiver.got[0]), "but the new one did not from the start"
        assert verifies(second, receiver.got[-1])
        events = once(receiver.got)
        # Other tests of this system have texts, too, and theirs may be told late.
        (inbound,) = [event for event in events if event["data"].get("text") == text]
        assert inbound["type"] == "text.received"
        over_kafka = {
            event["data"]["message_id"]
            for event in events
            if event["data"].get("reference") in set(sent.references)
        }
        assert len(over_kafka) == len(sent.references)
        for message_id in (*sent.ids, *over_kafka):
            assert told(receiver.got, message_id) == await expected(api, message_id)
        assert {event["type"] for event in once(other.got)} == {"subscription.test"}
        assert {event["data"]["organization"] for event in events} == {"acme"}
