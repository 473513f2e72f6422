"""2. A message's life, in the contract's words: what is answered, and how the fields are filled in."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cli.local.stack import Stack
from schemas import topics
from schemas.settings import KafkaSettings
from tests.e2e.caller import Phones, eventually, problem
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel, produce, taken, whole
from tests.e2e.following import following

pytestmark = pytest.mark.e2e


async def test_it_is_answered_at_once_and_fills_in_until_delivered(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person("415")
    first = taken(await channel.send(pools.UPDATES, to, "Your order is packed. ✓"))
    assert first["use_case_id"] == pools.UPDATES
    assert (first["to_number"], first["body"], first["status"]) == (to, "Your order is packed. ✓", "pending")
    for name in ("from_number", "handed_off_at", "delivered_at", "errored_at", "error_code"):
        assert first[name] is None, name
    last = await channel.delivered(first["id"])
    for name in ("id", "use_case_id", "message_sid", "to_number", "body", "created_at"):
        assert last[name] == first[name], name
    (text,) = await phones.texts(to)
    assert (last["from_number"], last["num_segments"], last["status"]) == (text["from"], 1, "delivered")
    times = [last[name] for name in ("created_at", "handed_off_at", "delivered_at", "updated_at")]
    assert sorted(times, key=datetime.fromisoformat) == times
    assert (last["errored_at"], last["error_code"]) == (None, None)
    assert len({first["message_sid"], (await channel.get(first["id"]))["message_sid"]}) == 1


async def test_without_receipts_it_stays_sent(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    async with phones.fault({"to": to}, "receipts", when="never"):
        message_id = await channel.sent(pools.ANYWHERE, to, "to a place without receipts")
        shown = await channel.until(message_id, "sent")
    assert shown["status"] == "sent"
    assert shown["handed_off_at"] is not None
    assert (shown["delivered_at"], shown["errored_at"], shown["error_code"]) == (None, None, None)


async def test_one_that_the_carrier_cannot_deliver_is_undelivered(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    async with phones.fault({"to": to}, "receipts", final="undelivered"):
        shown = await channel.until(await channel.sent(pools.ANYWHERE, to, "to a dead phone"), "undelivered")
    assert shown["status"] == "undelivered"
    assert shown["errored_at"] is not None
    assert shown["delivered_at"] is None
    assert isinstance(shown["error_code"], int)


async def test_one_that_the_provider_refuses_has_failed(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    async with phones.fault({"to": to}, "reject", code="21211"):
        shown = await channel.until(await channel.sent(pools.THROUGH["twilio"], to, "to nobody"), "failed")
    assert shown["status"] == "failed"
    assert shown["errored_at"] is not None
    assert (shown["handed_off_at"], shown["delivered_at"]) == (None, None)
    assert isinstance(shown["error_code"], int)
    assert len(await phones.requests(to)) == 1  # a recipient's fault is no reason to ask another number


async def test_a_key_is_one_message(channel: Channel, phones: Phones, person: Callable[..., str]) -> None:
    to, key = person(), f"channel:{uuid.uuid4()}"
    first = await channel.send(pools.ANYWHERE, to, "once", idempotency_key=key)
    again = await channel.send(pools.ANYWHERE, to, "once", headers={"Idempotency-Key": key})
    assert (first.status, again.status, again.replayed) == (201, 201, True)
    assert (again.body["id"], again.body["message_sid"]) == (first.body["id"], first.body["message_sid"])
    other = await channel.send(pools.ANYWHERE, to, "other content", idempotency_key=key)
    assert problem(other, 422, "conflict")["message_id"] == first.body["id"]
    await channel.delivered(first.body["id"])
    assert len(await phones.texts(to)) == 1


async def test_a_key_is_one_message_over_both_doors(
    stack: Stack, channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to, key = person(), f"channel:{uuid.uuid4()}"
    request = {
        "use_case_id": pools.ANYWHERE, "to_phone_number": to, "message": "once", "idempotency_key": key,
    }  # fmt: skip
    first = taken(await channel.send(pools.ANYWHERE, to, "once", idempotency_key=key))
    await produce(stack.run.kafka, topics.requests_of(pools.ORGANIZATION), [request, request])
    await channel.delivered(first["id"])
    other = person()
    beside = {**request, "to_phone_number": other, "idempotency_key": f"{key}:2"}
    await produce(stack.run.kafka, topics.requests_of(pools.ORGANIZATION), [beside, request])
    await phones.until(other, 1)  # it came after the others, and has arrived
    assert len(await phones.texts(to)) == 1


async def test_the_status_topic_has_the_use_case_and_then_the_sender(
    stack: Stack, channel: Channel, person: Callable[..., str]
) -> None:
    async with following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch:
        message_id = await channel.sent(pools.ANYWHERE, person(), "followed", reference="mine")
        shown = await channel.delivered(message_id)

        def told() -> dict[int, dict[str, Any]]:
            story = watch.stories.get(message_id)
            return story.records if story else {}

        assert await watch.until(lambda: bool(told()) and told()[max(told())]["status"] == "delivered", 60)
    records = [told()[sequence] for sequence in sorted(told())]
    assert {record["use_case_id"] for record in records} == {pools.ANYWHERE}
    assert {record["reference"] for record in records} == {"mine"}
    assert records[-1]["from_number"] == shown["from_number"] is not None
    assert {record.get("from_number") for record in records} <= {None, shown["from_number"]}


async def test_a_dry_run_says_all_and_sends_nothing(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to, key = person("415"), f"channel:{uuid.uuid4()}"
    answer = await channel.send(pools.UPDATES, to, "Would you?", dry_run=True, idempotency_key=key)
    assert answer.status == 200, answer
    body = answer.body
    assert body["dry_run"] is True
    assert (body["from_number"], body["num_segments"]) == (pools.SAN_FRANCISCO, 1)
    assert "415" in str(body), "why this number was chosen"
    # The key is free, and what is sent comes from that number.
    shown = await channel.delivered(
        taken(await channel.send(pools.UPDATES, to, "I would.", idempotency_key=key))["id"]
    )
    assert shown["from_number"] == pools.SAN_FRANCISCO
    assert [text["text"] for text in await phones.texts(to)] == ["I would."]


async def test_it_is_shown_alike_with_and_without_a_slash(
    channel: Channel, person: Callable[..., str]
) -> None:
    message_id = await channel.sent(pools.ANYWHERE, person(), "shown")
    last = await channel.delivered(message_id)
    for path in (f"/v1/sms/{message_id}", f"/v1/sms/{message_id}/"):
        assert whole((await channel.api.call("GET", path)).body) == last
    body = {"use_case_id": pools.ANYWHERE, "to_phone_number": person(), "message": "without"}
    assert (await channel.api.call("POST", "/v1/sms", json=body)).status == 201


@pytest.mark.parametrize("provider", sorted(pools.THROUGH))
async def test_each_provider_carries_it(
    channel: Channel, phones: Phones, person: Callable[..., str], provider: str
) -> None:
    to = person()
    await channel.delivered(await channel.sent(pools.THROUGH[provider], to, "through each"))
    (text,) = await eventually(lambda: phones.texts(to), bool)
    assert (text["provider"], text["from"]) == (provider, pools.ASKING[provider])
