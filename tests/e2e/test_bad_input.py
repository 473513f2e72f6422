"""Bad input through both doors of the whole system: each is told truthfully, and holds up nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import aiohttp
import pytest
from confluent_kafka import KafkaError, Producer

from cli.local.stack import Stack
from schemas import topics
from schemas.settings import KafkaSettings
from tests.e2e.watch import Watch, read_all

pytestmark = pytest.mark.e2e
DEADLINE = 60
DEAD = topics.dead_letters(topics.REQUESTS)


def request(stack: Stack, **changes: object) -> dict[str, object]:
    """A good request, but for `changes`. Its text is its own."""
    return {
        "from_phone_number": stack.run.senders[0],
        "to_phone_number": "+14155550199",
        "message": f"bad input test {uuid4().hex}",
        **changes,
    }


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[Watch]:
    watch = Watch(KafkaSettings(bootstrap_servers=stack.run.kafka))
    following = asyncio.create_task(watch.follow())
    try:
        yield watch
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def produce(stack: Stack, *values: bytes | None) -> None:
    producer = Producer({"bootstrap.servers": stack.run.kafka, "linger.ms": 0})
    for value in values:
        # One partition: the good one lies right behind the bad one.
        producer.produce(topics.REQUESTS, value, partition=0)
    assert producer.flush(DEADLINE) == 0


async def delivered(watch: Watch, text: object) -> None:
    def told() -> bool:
        return any(s.last["text"] == text and s.last["status"] == "delivered" for s in watch.stories.values())

    assert await watch.until(told, DEADLINE), f"{text} was not delivered"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"from_phone_number": "+1415', 400),
        (b'{"message": "\xff\xfe"}', 400),
        (b"", 400),
        (b"[]", 400),
        (b'{"from_phone_number": 5, "to_phone_number": "+14155550199", "message": "x"}', 400),
        (b'{"to_phone_number": "+14155550199", "message": "x"}', 400),
        (b'{"message": "' + b"x" * 100_000 + b'"}', 413),
    ],
)
async def test_rest_answers_with_a_sentence(stack: Stack, body: bytes, status: int) -> None:
    await _refused(stack, body, status)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"to_phone_number": "(415) 555-0199"}, 400),
        ({"message": ""}, 400),
        ({"message": "x" * 1601}, 400),
        ({"message": "a\x00b"}, 400),
        ({"from_phone_number": "+19995550000"}, 404),
        ({"idempotency_key": "k" * 257}, 400),
    ],
)
async def test_rest_refuses_what_it_cannot_accept(
    stack: Stack, changes: dict[str, object], status: int
) -> None:
    await _refused(stack, json.dumps(request(stack, **changes)).encode(), status)


async def _refused(stack: Stack, body: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {stack.run.api_key}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stack.run.ingress}/sms/send", data=body, headers=headers) as response,
    ):
        assert response.status == status
        answer = await response.json()
    assert isinstance(answer["detail"], str)
    assert answer["detail"]
    assert answer["code"]


UNREADABLE: dict[str, Callable[[Stack], bytes | None]] = {
    "truncated": lambda stack: json.dumps(request(stack)).encode()[:-9],
    "not UTF-8": lambda _: b'{"message": "\xff\xfe"}',
    "unknown version": lambda stack: json.dumps(request(stack, type="sms.request.v9")).encode(),
    "null": lambda _: None,
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_what_cannot_be_read_is_a_dead_letter_and_the_next_is_delivered(
    stack: Stack, kind: str
) -> None:
    kafka = KafkaSettings(bootstrap_servers=stack.run.kafka)
    before = len((await read_all(kafka, [DEAD], raw=True))[DEAD])
    good = request(stack)
    async with watching(stack) as watch:
        produce(stack, UNREADABLE[kind](stack), json.dumps(good).encode())
        await delivered(watch, good["message"])
    assert len((await read_all(kafka, [DEAD], raw=True))[DEAD]) == before + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"from_phone_number": "+19995550000"},
        {"to_phone_number": "0199"},
        {"to_phone_number": 14155550199},
        {"message": "x" * 1601},
    ],
)
async def test_what_cannot_be_accepted_is_told_as_failed_and_the_next_is_delivered(
    stack: Stack, changes: dict[str, object]
) -> None:
    reference, good = uuid4().hex, request(stack)
    async with watching(stack) as watch:
        bad = request(stack, **changes, reference=reference)
        produce(stack, json.dumps(bad).encode(), json.dumps(good).encode())
        await delivered(watch, good["message"])

        def told() -> bool:
            return any(s.last.get("reference") == reference for s in watch.stories.values())

        assert await watch.until(told, DEADLINE)
        (story,) = (s for s in watch.stories.values() if s.last.get("reference") == reference)
    assert story.last["status"] == "failed"
    assert story.last["failure"]["code"]
    assert story.last["failure"]["detail"]
    assert list(story.records) == [1]


async def test_an_aborted_transaction_is_nowhere(stack: Stack) -> None:
    aborted, good = request(stack), request(stack)
    producer = Producer({"bootstrap.servers": stack.run.kafka, "transactional.id": uuid4().hex})
    await asyncio.to_thread(producer.init_transactions, DEADLINE)
    producer.begin_transaction()
    producer.produce(topics.REQUESTS, json.dumps(aborted).encode(), partition=0)
    await asyncio.to_thread(producer.flush, DEADLINE)
    await asyncio.to_thread(producer.abort_transaction, DEADLINE)
    async with watching(stack) as watch:
        produce(stack, json.dumps(good).encode())
        await delivered(watch, good["message"])
        assert all(s.last["text"] != aborted["message"] for s in watch.stories.values())


async def test_a_value_over_every_limit_is_refused_by_the_broker(stack: Stack) -> None:
    producer = Producer({"bootstrap.servers": stack.run.kafka, "message.max.bytes": 2_000_000})
    errors: list[KafkaError] = []
    producer.produce(topics.REQUESTS, b"x" * 1_100_000, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(DEADLINE) == 0
    assert [error.name() for error in errors] == ["MSG_SIZE_TOO_LARGE"]
