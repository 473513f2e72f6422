"""The REST door on the real broker and ledger: answered only after the broker, whatever it does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cli.local.kafka import Kafka
from ingress import api
from ingress.app import make_app
from ledger import Ledger
from ledger.claims import Ask, Cancel, Closed, Refused, Verdict, Won
from schemas import ids, topics
from schemas.facts import Closed as ClosedFact
from schemas.lanes import Lane
from schemas.messages import Message
from schemas.settings import IngressSettings, RedisSettings, Settings
from schemas.status import State
from schemas.tasks import How
from tests.broker.ingress.reading import Reading
from tests.fakes import world

pytestmark = pytest.mark.broker
BODY = {"from_phone_number": world.TELNYX, "to_phone_number": world.HANDSET, "message": "Hello"}


@asynccontextmanager
async def opened(settings: Settings, key: str = world.KEY) -> AsyncIterator[httpx.AsyncClient]:
    """A door with its own clients, as one process has them, and somebody before it."""
    async with AsyncExitStack() as stack:
        app = make_app(await api.start(settings, stack))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://door",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        yield await stack.enter_async_context(client)


def having(**fields: Any) -> dict[str, Any]:
    return {**BODY, **fields}


def count_is(count: int, found: Reading) -> bool:
    return len(found.records) == count


def impatient(settings: Settings) -> Settings:
    """A door that does not wait for outcomes, which nobody brings here."""
    return settings.model_copy(
        update={"ingress": settings.ingress.model_copy(update={"immediate_seconds": 0.05})}
    )


async def test_what_is_answered_lies_on_the_topic(settings: Settings, reading: Reading) -> None:
    before = time.time_ns() // 1_000_000
    async with opened(impatient(settings)) as client:
        answer = await client.post("/sms/send", json=having(message="ü🙂", reference="mine", queue=False))
        await reading.until(partial(count_is, 1))
    after = time.time_ns() // 1_000_000
    assert answer.status_code == 200
    (message,) = reading.messages()
    assert isinstance(message, Message)
    assert answer.json()["message_id"] == message.message_id
    assert (answer.json()["status"], answer.json()["state"]) == ("queued", "queued")
    assert answer.json()["message"] == "SMS queued via telnyx; waiting for its turn"
    assert reading.records[0].key == message.message_id.encode()
    assert (message.organization, message.lane, message.can_repeat) == ("acme", Lane.IMMEDIATE, False)
    assert (message.content.text, message.content.reference) == ("ü🙂", "mine")
    assert before <= message.content.accepted_at <= after
    assert message.forget_at == message.content.accepted_at + settings.messages.lifetime_seconds * 1000


@pytest.mark.usefixtures("whole_view")
async def test_one_key_is_one_message_on_every_replica(settings: Settings, reading: Reading) -> None:
    key = uuid4().hex
    async with opened(settings) as one, opened(settings) as other:
        first = await one.post("/sms/send", json=having(idempotency_key=key))
        again = await other.post("/sms/send", json=BODY, headers={"Idempotency-Key": f'"{key}"'})
        conflict = await other.post("/sms/send", json=having(message="Other", idempotency_key=key))
        status = await other.get(f"/sms/{first.json()['message_id']}/status")
    await reading.to_the_end()
    assert first.status_code == 200
    assert first.json()["message_id"] == ids.of_key("acme", key)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert (conflict.status_code, conflict.json()["code"]) == (422, "conflict")
    assert (status.status_code, status.json()["status"]) == (200, "queued")
    assert len(reading.records) == 1


@pytest.mark.usefixtures("whole_view")
async def test_of_many_at_once_with_one_key_one_is_produced(settings: Settings, reading: Reading) -> None:
    """Without the hold each process produces some of them before the first row is there."""
    key = uuid4().hex
    async with opened(settings) as one, opened(settings) as other:
        answers = await asyncio.gather(
            *(client.post("/sms/send", json=having(idempotency_key=key)) for client in [one, other] * 20)
        )
    await reading.to_the_end()
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert [message.message_id for message in reading.messages()] == [ids.of_key("acme", key)]


async def told(ledger: Ledger, message_id: str, **fields: Any) -> None:
    """As the fold goes on from what the view shows."""
    row = (await ledger.get(message_id)).row
    assert row is not None
    await ledger.put([row.model_copy(update={"sequence": row.sequence + 1, **fields})])


async def until_shown(ledger: Ledger, message_id: str) -> None:
    async with asyncio.timeout(30):
        while True:
            if (await ledger.get(message_id)).row is not None:
                return
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("whole_view")
async def test_an_immediate_send_is_answered_once_with_its_outcome(
    settings: Settings, reading: Reading
) -> None:
    """On each replica, then and later: the same bytes, also once the message has moved on."""
    body = having(queue=False, idempotency_key=uuid4().hex)
    async with opened(settings) as one, opened(settings) as other, Ledger(settings.redis) as ledger:
        first = asyncio.create_task(one.post("/sms/send", json=body))
        await reading.until(partial(count_is, 1))
        (message,) = reading.messages()
        await until_shown(ledger, message.message_id)
        in_flight = await other.post("/sms/send", json=body)
        await told(ledger, message.message_id, status=State.SENT)
        answer = await first
        await told(ledger, message.message_id, status=State.UNDELIVERED)
        again = await other.post("/sms/send", json=body)
    assert (in_flight.status_code, in_flight.json()["code"]) == (409, "in_flight")
    assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    assert (again.status_code, again.content) == (200, answer.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(reading.records) == 1


def asking(message: Message, nonce: str) -> Ask:
    """What a dispatcher asks before it hands `message` over."""
    return Ask(
        message_id=message.message_id, attempt=1, how=How.PLAIN, nonce=nonce, record="t:0:1", segments=1,
        paces=(), valid_until=message.valid_until, forget_at=message.forget_at, hold_ms=60_000,
    )  # fmt: skip


@pytest.mark.usefixtures("whole_view", "epoch")
async def test_a_message_is_cancelled_or_handed_over_never_both(settings: Settings, reading: Reading) -> None:
    """Dispatchers ask for the claims while their owner cancels; each message is won by one of them.

    A cancel that judged by the row alone would win them all.
    """
    count = 300
    async with opened(settings) as client, Ledger(settings.redis) as ledger:
        for _ in range(count):
            assert (await client.post("/sms/send", json=BODY)).status_code == 200
        await reading.until(partial(count_is, count))
        messages = [message for message in reading.messages() if isinstance(message, Message)]
        cancels = [asyncio.create_task(client.delete(f"/sms/{one.message_id}")) for one in messages]
        verdicts: list[Verdict] = []
        # From the other end, so that they meet: at the latest when the first cancel of those left has won.
        for number, message in enumerate(reversed(messages)):
            if number == count // 2:
                await asyncio.wait(cancels[: count // 2], return_when=asyncio.FIRST_COMPLETED)
            verdicts += await ledger.claim([asking(message, uuid4().hex)])
        answers = [await cancel for cancel in cancels]
        shown = [(await client.get(f"/sms/{one.message_id}/status")).json() for one in messages]
    await reading.to_the_end()
    closed = {fact.message_id for fact in reading.facts() if isinstance(fact, ClosedFact)}
    won = 0
    for message, answer, verdict, status in zip(messages, answers, reversed(verdicts), shown, strict=True):
        assert answer.status_code == 200
        if answer.json()["success"]:
            assert isinstance(verdict, Refused)
            assert status["status"] == "cancelled"
            assert message.message_id in closed
            won += 1
        else:
            assert isinstance(verdict, Won)
            assert answer.json()["message"] == "Message is already sending"
            assert status["status"] == "sending"
            assert message.message_id not in closed
    assert 0 < won < count, "they have not met: this run shows nothing"


@pytest.mark.usefixtures("whole_view", "epoch")
async def test_a_cancel_that_was_cut_short_is_repeated(
    settings: Settings, own_kafka: Kafka, reading: Reading
) -> None:
    """Decided, but its fact not acknowledged: nobody but the repeat may ever tell the fold."""
    short = settings.model_copy(update={"ingress": IngressSettings(produce_timeout_seconds=1)})
    async with opened(short) as client, Ledger(settings.redis) as ledger:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        [claim] = await ledger.cancel([Cancel(message_id, 1, 4_000_000_000_000)])
        assert isinstance(claim, Closed)
        own_kafka.stop()
        try:
            away = await client.delete(f"/sms/{message_id}")
        finally:
            own_kafka.start()
            own_kafka.wait_ready()
        async with asyncio.timeout(60):
            again = await client.delete(f"/sms/{message_id}")
            while again.status_code == 503:
                again = await client.delete(f"/sms/{message_id}")
        await told(ledger, message_id, status=State.CANCELLED)
        repeated = await client.delete(f"/sms/{message_id}")
    await reading.to_the_end()
    assert (away.status_code, away.json()["code"]) == (503, "broker_unavailable")
    assert again.json()["success"] is True
    assert {type(fact) for fact in reading.facts()} == {ClosedFact}
    assert repeated.json() == {
        "success": False, "message_id": message_id, "message": "Message is already cancelled",
        "previous_status": "cancelled", "new_status": None, "state": "cancelled",
    }  # fmt: skip  # by its state a caller knows the cancel that it asked for twice


async def test_without_the_ledger_only_keyed_requests_wait(settings: Settings, reading: Reading) -> None:
    away = RedisSettings(url="redis://127.0.0.1:1/0", timeout_seconds=0.5)
    async with opened(settings.model_copy(update={"redis": away})) as client:
        keyless = await client.post("/sms/send", json=BODY)
        keyed = await client.post("/sms/send", json=having(idempotency_key="k"))
        status = await client.get(f"/sms/{uuid4()}/status")
        ready = await client.get("/readyz")
    await reading.to_the_end()
    assert keyless.status_code == 200
    assert [message.message_id for message in reading.messages()] == [keyless.json()["message_id"]]
    assert (keyed.status_code, keyed.json()["code"]) == (503, "ledger_unavailable")
    assert keyed.json()["message_id"] == ids.of_key("acme", "k")
    assert (status.status_code, status.json()["code"]) == (503, "ledger_unavailable")
    assert ready.status_code == 200


async def test_other_peoples_messages_are_not_shown(settings: Settings) -> None:
    async with opened(settings) as client, opened(settings, world.OTHER_KEY) as stranger:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        assert (await client.get(f"/sms/{message_id}/status")).status_code == 200
        hidden = await stranger.get(f"/sms/{message_id}/status")
    assert hidden.status_code == 404
    assert hidden.json()["detail"] == f"Message {message_id} not found"


@pytest.mark.usefixtures("whole_view")
async def test_while_the_broker_is_away_nothing_is_called_queued(
    settings: Settings, own_kafka: Kafka, reading: Reading
) -> None:
    """The 503 says the id; repeated with its key once the broker is back, it is that one message."""
    short = settings.model_copy(update={"ingress": IngressSettings(produce_timeout_seconds=1)})
    keys = [uuid4().hex for _ in range(5)]
    async with opened(short) as client:
        own_kafka.stop()
        try:
            away = [await client.post("/sms/send", json=having(idempotency_key=key)) for key in keys]
            keyless = await client.post("/sms/send", json=BODY)
            unready = await client.get("/readyz")
        finally:
            own_kafka.start()
            own_kafka.wait_ready()
        async with asyncio.timeout(60):
            again = [await until_taken(client, having(idempotency_key=key)) for key in keys]
        await reading.to_the_end()
    for key, refused, taken in zip(keys, away, again, strict=True):
        assert refused.status_code == 503
        assert refused.json()["code"] == "broker_unavailable"
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["message_id"] == taken.json()["message_id"] == ids.of_key("acme", key)
    assert keyless.status_code == 503
    assert unready.status_code == 503
    assert {record.topic for record in reading.records} == {topics.MESSAGES}
    texts = {message.message_id: message.content.fingerprint for message in reading.messages()}
    assert (
        {ids.of_key("acme", key) for key in keys}
        <= set(texts)
        <= {
            *(ids.of_key("acme", key) for key in keys),
            keyless.json()["message_id"],
        }
    )


async def until_taken(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    """As a caller does it: try again while it is 503."""
    answer = await client.post("/sms/send", json=body)
    while answer.status_code == 503:
        # The produce is waited for within each: this does not spin.
        answer = await client.post("/sms/send", json=body)
    return answer
