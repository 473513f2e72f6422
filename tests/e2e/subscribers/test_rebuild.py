"""Who reads the public topics from their start knows exactly what the API says, however often they repeat.

One load of everything that can become of a message, with `fold` and `views` killed in the middle of it.
`HELIO_TEST_REBUILD=2000` makes it larger.
"""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer

from cli.local.stack import Stack
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.e2e.subscribers.table import Naive, Read, Table, cut_off, read_from_the_start, shown

pytestmark = pytest.mark.e2e
MESSAGES = int(os.environ.get("HELIO_TEST_REBUILD", "150"))
REQUESTS, STATUS, INBOUND = "sms.requests.v1", "sms.status.v1", "sms.inbound.v1"
PATIENCE_SECONDS = 120
PROVIDERS = ("twilio", "telnyx", "vonage")


@dataclass
class Load:
    """What was asked for, and what must become of it: message id -> the states that it may rest in."""

    stack: Stack
    api: Api
    phones: Phones
    senders: dict[str, str]
    handset: Callable[[], str]
    #: Its messages' texts begin with this.
    name: str = field(default_factory=lambda: f"rebuild {uuid.uuid4().hex[:8]}")
    rests: dict[str, frozenset[str]] = field(default_factory=dict)
    #: The same, of what has no id before it is told: by reference.
    by_reference: dict[str, frozenset[str]] = field(default_factory=dict)

    async def send(self, to: str, rest: str, provider: str = "telnyx", **more: Any) -> str:
        """One over REST, that comes to rest so."""
        text = f"{self.name} {len(self.rests)}"
        message_id = accepted(await self.api.send(self.senders[provider], to, text, **more))
        self.rests[message_id] = frozenset({rest})
        return message_id

    def produce(self, rest: str, **fields: Any) -> None:
        """One over Kafka."""
        reference = uuid.uuid4().hex
        body = {
            "from_phone_number": self.senders["vonage"], "to_phone_number": self.handset(),
            "message": self.name, "reference": reference, **fields,
        }  # fmt: skip
        producer = Producer({"bootstrap.servers": self.stack.run.kafka})
        producer.produce(REQUESTS, json.dumps(body).encode())
        assert producer.flush(30) == 0
        self.by_reference[reference] = frozenset({rest})

    async def many(self) -> None:
        """Good ones, which all providers deliver."""
        for n in range(MESSAGES):
            await self.send(self.handset(), "delivered", PROVIDERS[n % 3])

    async def others(self, until: AsyncExitStack) -> None:
        """One or two of every other kind; what they meet lasts as long as `until`."""
        for provider, code in (("twilio", "21610"), ("telnyx", "40300"), ("vonage", "1120")):
            to = await self._meeting(until, "reject", code=code)
            await self.send(to, "failed", provider)
            to = await self._meeting(until, "receipts", final="undelivered")
            await self.send(to, "undelivered", provider)
            to = await self._meeting(until, "receipts", final="none")
            await self.send(to, "sent", provider)
            to = await self._meeting(until, "receipts", copies=2, order="reversed")
            await self.send(to, "delivered", provider)
            to = await self._meeting(until, "receipts", when="early")
            await self.send(to, "delivered", provider)
            to = await self._meeting(until, "throttle", times=1, retry_after_seconds=1)
            await self.send(to, "delivered", provider)
        to = await self._meeting(until, "drop", accepted=False)
        await self.send(to, "unknown", "vonage")
        to = await self._meeting(until, "drop", accepted=True)
        await self.send(to, "delivered", "vonage")
        tomorrow = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
        await self.send(self.handset(), "queued", send_at=tomorrow)
        for _ in range(2):
            called_back = await self.send(self.handset(), "cancelled", send_at=tomorrow)
            assert (await self.api.cancel(called_back)).body["success"] is True
        key = uuid.uuid4().hex
        await self.send(self.handset(), "delivered", idempotency_key=key)
        self.produce("failed", idempotency_key=key, message="other content")
        self.produce("failed", from_phone_number="+19995550000")
        self.produce("failed", to_phone_number="0199")
        self.produce("delivered")
        body = {
            "use_case_id": self.stack.run.use_cases[0],
            "to_phone_number": self.handset(),
            "message": self.name,
        }
        answer = await self.api.call("POST", "/v1/sms/", json=body)
        assert answer.status == 201, answer
        self.rests[answer.body["id"]] = frozenset({"delivered"})

    async def _meeting(self, until: AsyncExitStack, kind: str, **more: Any) -> str:
        """A handset whose texts meet a fault."""
        to = self.handset()
        await until.enter_async_context(self.phones.fault({"to": to}, kind, **more))
        return to

    async def kill(self) -> None:
        """Fold, then views, in the middle of it."""
        for name in ("streams-fold", "streams-views", "streams-fold"):
            await asyncio.to_thread(self.stack.child(name).kill)
            await asyncio.to_thread(self.stack.keeper(name).wait_ready)

    def rested(self, table: Table) -> dict[str, str]:
        """What has not come to rest yet: id or reference -> where it is."""
        named = {row.get("reference"): row for row in table.rows.values()}
        wanted = {**self.rests, **self.by_reference}
        rows = {name: table.rows.get(name, named.get(name)) for name in wanted}
        return {
            name: "nowhere" if row is None else row["status"]
            for name, row in rows.items()
            if row is None or row["status"] not in wanted[name]
        }

    def ids(self, table: Table) -> set[str]:
        """The ids of all that is ours."""
        others = {
            row["message_id"] for row in table.rows.values() if row.get("reference") in self.by_reference
        }
        return others | self.rests.keys()


@dataclass(frozen=True)
class Run:
    """A load that has come to rest, and what a subscriber reads who starts then."""

    load: Load
    records: list[Read]

    @property
    def ours(self) -> list[Read]:
        table = table_of(self.records)
        return [one for one in self.records if one.value["message_id"] in self.load.ids(table)]


def table_of(records: list[Read]) -> Table:
    table = Table()
    for record in records:
        table.take(record.value)
    return table


@pytest.fixture
async def load(
    stack: Stack, api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str]
) -> AsyncIterator[Load]:
    """Handed in, with the kills; the faults that it meets last as long as the test."""
    made = Load(stack, api, phones, senders, handset)
    async with AsyncExitStack() as until:
        async with asyncio.TaskGroup() as group:
            group.create_task(made.many())
            group.create_task(made.others(until))
            group.create_task(made.kill())
        yield made


async def read(stack: Stack, topic: str) -> list[Read]:
    return await asyncio.to_thread(read_from_the_start, stack.run.kafka, topic)


async def test_a_table_rebuilt_from_offset_0_is_what_the_api_says(stack: Stack, api: Api, load: Load) -> None:
    records = await eventually(
        lambda: read(stack, STATUS), lambda found: not load.rested(table_of(found)), PATIENCE_SECONDS
    )
    run = Run(load, records)
    table = table_of(run.ours)
    print(f"{len(table.rows)} messages, {len(table.seen)} transitions, {len(run.ours)} records")
    assert {row["status"] for row in table.rows.values()} == {
        "queued", "unknown", "sent", "delivered", "undelivered", "failed", "cancelled",
    }  # fmt: skip
    assert any("conflicts_with" in row for row in table.rows.values())
    for message_id, row in table.rows.items():
        await same(api, message_id, row)
        told_in_order(table, message_id, row)
    stands_for_itself(run.ours)
    repeats_are_harmless(run.ours, table)


async def same(api: Api, message_id: str, row: Mapping[str, Any]) -> None:
    """Field by field; the view follows the topic a moment behind."""

    async def said() -> dict[str, Any]:
        answer = await api.whole(message_id)
        assert answer.status == 200, answer
        return answer.body

    wanted = shown(dict(row))
    found = await eventually(said, lambda body: body["updated_at"] == wanted["updated_at"])
    assert found == wanted


def told_in_order(table: Table, message_id: str, row: Mapping[str, Any]) -> None:
    """Sequences have no gap, and the last record has the history of all that were told."""
    told = table.transitions(message_id)
    assert [one["sequence"] for one in told] == list(range(1, len(told) + 1))
    assert told[0]["status"] == "queued" or (told[0]["status"] == "failed" and "failure" in told[0])
    assert [one.get("previous") for one in told] == [None, *(one["status"] for one in told[:-1])]
    steps = [{name: one[name] for name in ("status", "at", "settled_by") if name in one} for one in told]
    assert row["history"] == steps


def stands_for_itself(records: list[Read]) -> None:
    """Each record says what it is about, in its headers and in its key too."""
    for record in records:
        value, headers = record.value, record.headers
        assert record.key.decode() == value["message_id"]
        assert (headers["ce_id"], headers["ce_type"]) == (value["id"].encode(), STATUS.encode())
        assert (headers["ce_specversion"], headers["ce_subject"]) == (b"1.0", record.key)
        assert {"organization", "to_number", "segments", "accepted_at", "history", "text"} <= value.keys()


def repeats_are_harmless(records: list[Read], table: Table) -> None:
    """Who dies and reads a part again has the same table; who takes each record as news has not."""
    again = cut_off(records, at=len(records) * 2 // 3, back=len(records) // 3)
    once_more, naive, truth, backward = table_of(again), Naive(), Table(), 0
    for record in again:
        naive.take(record.value)
        truth.take(record.value)
        message_id = record.value["message_id"]
        backward += naive.rows[message_id]["sequence"] < truth.rows[message_id]["sequence"]
    delivered = sum(row["status"] == "delivered" for row in table.rows.values())
    assert once_more.rows == table.rows
    assert once_more.seen == table.seen
    assert naive.deliveries > delivered, "it would have billed some twice"
    assert backward, "it would have told some of its own users that a delivered message is queued"


async def test_inbound_texts_collapse_by_id(
    stack: Stack, phones: Phones, senders: dict[str, str], handset: Callable[[], str]
) -> None:
    handsets = {provider: handset() for provider in PROVIDERS}
    texts = {(number, f"{n} {number}") for number in handsets.values() for n in range(3)}
    async with AsyncExitStack() as until:
        for number in handsets.values():
            await until.enter_async_context(phones.fault({"from": number}, "receipts", copies=3))
        for provider, number in handsets.items():
            for n in range(3):
                answer = await phones.text_us(number, to=senders[provider], text=f"{n} {number}")
                assert answer.status == 202

        def ours(found: list[Read]) -> list[Read]:
            return [one for one in found if one.value["from_number"] in handsets.values()]

        found = await eventually(
            lambda: read(stack, INBOUND),
            lambda found: {(one.value["from_number"], one.value["text"]) for one in ours(found)} == texts,
            PATIENCE_SECONDS,
        )
    by_id: dict[str, dict[str, Any]] = {}
    for record in ours(found):
        value = record.value
        known = by_id.setdefault(value["id"], value)
        # When it came is the one thing that a repeat says for itself.
        assert {**known, "received_at": 0} == {**value, "received_at": 0}
        assert record.key.decode() == value["from_number"]
        assert record.headers["ce_id"] == value["id"].encode()
    assert sorted((one["from_number"], one["text"]) for one in by_id.values()) == sorted(texts)
    assert {one["organization"] for one in by_id.values()} == {"acme"}
