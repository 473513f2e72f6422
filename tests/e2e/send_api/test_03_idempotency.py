"""3. Idempotency (P5): one key and content is one message, whichever door, process or crash is between."""

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from confluent_kafka import Producer

from cli.local.stack import Stack
from schemas import topics
from schemas.settings import KafkaSettings
from tests.e2e import world
from tests.e2e.caller import DEADLINE, Answer, Api, Phones, accepted, eventually, problem
from tests.e2e.following import following
from tests.e2e.watch import Watch

pytestmark = pytest.mark.e2e
SIMULTANEOUS = 5_000
KEYED = 300


def fields(to: str, text: str, **more: Any) -> dict[str, Any]:
    return {"from_phone_number": world.EXAMPLE, "to_phone_number": to, "message": text, **more}


def replays(first: Answer, again: Answer) -> None:
    """`again` is the same answer, and says so."""
    assert (again.status, again.raw, again.replayed) == (first.status, first.raw, True)
    assert not first.replayed


async def once(api: Api, phones: Phones, handset: Callable[[], str], to: str, text: str) -> None:
    """`to` has got `text` once, and nothing else is coming."""
    await phones.until(to, 1)
    await api.behind(world.EXAMPLE, handset())
    assert [got["text"] for got in await phones.texts(to)] == [text]


async def test_the_header_goes_before_the_field(api: Api, phones: Phones, handset: Callable[[], str]) -> None:
    to, header, field = handset(), uuid.uuid4().hex, uuid.uuid4().hex
    both = json.dumps(fields(to, "by the header", idempotency_key=field)).encode()
    first = await api.post(both, Idempotency_Key=header)
    bare = json.dumps(fields(to, "by the header")).encode()
    replays(first, await api.post(bare, Idempotency_Key=header))
    # The field's key was not used: it is free for something else.
    other = handset()
    accepted(await api.send(world.EXAMPLE, other, "by the field", idempotency_key=field))
    await once(api, phones, handset, to, "by the header")
    await once(api, phones, handset, other, "by the field")


async def test_quoted_and_bare_are_the_same_key(api: Api, phones: Phones, handset: Callable[[], str]) -> None:
    to, key = handset(), uuid.uuid4().hex
    body = json.dumps(fields(to, "once")).encode()
    first = await api.post(body, Idempotency_Key=f'"{key}"')
    accepted(first)
    replays(first, await api.post(body, Idempotency_Key=key))
    replays(first, await api.post(body, Idempotency_Key=f'"{key}"'))
    replays(first, await api.send(world.EXAMPLE, to, "once", idempotency_key=key))
    await once(api, phones, handset, to, "once")


def _same(to: str, text: str) -> list[bytes]:
    """The same content, written in other ways."""
    plain = fields(to, text)
    return [
        json.dumps(dict(reversed(plain.items()))).encode(),
        json.dumps(plain, indent=7).encode(),
        json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(plain | {"queue": True, "media_urls": None, "valid_for": None}).encode(),
        json.dumps(plain | {"media_urls": []}).encode(),
        json.dumps(plain | {"a field of tomorrow": {"nested": [1]}}).encode(),
        json.dumps(plain).replace("once", "\\u006fnce").encode(),
    ]


async def test_the_same_content_written_otherwise_is_no_conflict(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key, text = handset(), uuid.uuid4().hex, "once, with é and 👍🏽"
    first = await api.post(json.dumps(fields(to, text)).encode(), Idempotency_Key=key)
    accepted(first)
    for body in _same(to, text):
        replays(first, await api.post(body, Idempotency_Key=key))
    await once(api, phones, handset, to, text)


async def test_any_other_content_is_a_conflict_and_the_first_is_untouched(
    api: Api, phones: Phones, handset: Callable[[], str], senders: dict[str, str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    plain = fields(to, "once")
    first = await api.post(json.dumps(plain).encode(), Idempotency_Key=key)
    for change in (
        {"message": "once "},
        {"to_phone_number": handset()},
        {"from_phone_number": senders["twilio"]},
        {"media_urls": ["https://example.com/a.jpg"]},
        {"queue": False},
        {"valid_for": 600},
    ):
        answer = await api.post(json.dumps(plain | change).encode(), Idempotency_Key=key)
        assert problem(answer, 422, "conflict")["message_id"] == accepted(first)
    replays(first, await api.post(json.dumps(plain).encode(), Idempotency_Key=key))
    await once(api, phones, handset, to, "once")


async def test_a_key_is_an_organizations_own(
    api: Api, globex: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    ours = await api.send(world.EXAMPLE, to, "ours", idempotency_key=key)
    theirs = await globex.send(world.GLOBEX["telnyx"], to, "theirs", idempotency_key=key)
    assert accepted(ours) != accepted(theirs)
    await phones.until(to, 2)


async def test_a_refused_request_does_not_use_its_key_up(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    problem(await api.send(world.EXAMPLE, to, "", idempotency_key=key), 400, "empty_message")
    accepted(await api.send(world.EXAMPLE, to, "mended", idempotency_key=key))
    await once(api, phones, handset, to, "mended")


async def test_a_repeat_hears_the_first_answer_when_all_is_over(
    api: Api, second: str, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    first = await api.send(world.EXAMPLE, to, "once", idempotency_key=key)
    await api.delivered(accepted(first))
    replays(first, await api.send(world.EXAMPLE, to, "once", idempotency_key=key))
    replays(first, await api.at(second).send(world.EXAMPLE, to, "once", idempotency_key=key))


def produce(stack: Stack, *requests: dict[str, Any]) -> None:
    producer = Producer({"bootstrap.servers": stack.run.kafka, "linger.ms": 0})
    for request in requests:
        producer.produce(topics.REQUESTS, json.dumps(request), partition=0)
    assert producer.flush(DEADLINE) == 0


async def _told(watch: Watch, reference: str) -> dict[str, Any]:
    """The story's last record of the request with this reference, once it has ended."""

    def found() -> list[dict[str, Any]]:
        lasts = [story.last for story in watch.stories.values()]
        return [
            last
            for last in lasts
            if last.get("reference") == reference and last["status"] in {"delivered", "failed"}
        ]

    assert await watch.until(lambda: bool(found()), DEADLINE), reference
    (last,) = found()
    return last


async def test_a_key_means_the_same_over_kafka_and_rest(
    stack: Stack, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key, reference = handset(), uuid.uuid4().hex, uuid.uuid4().hex
    request = fields(to, "once", idempotency_key=key, reference=reference)
    async with following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch:
        produce(stack, request)
        told = await _told(watch, reference)
        answer = await api.post(json.dumps(request).encode())
        assert accepted(answer) == told["message_id"]
        assert answer.replayed
        conflict = await api.send(world.EXAMPLE, to, "other", idempotency_key=key)
        assert problem(conflict, 422, "conflict")["message_id"] == told["message_id"]
        await once(api, phones, handset, to, "once")


async def test_a_key_means_the_same_over_rest_and_kafka(
    stack: Stack, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    marks = {name: uuid.uuid4().hex for name in ("other", "last")}
    first = accepted(await api.send(world.EXAMPLE, to, "once", idempotency_key=key))
    async with following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch:
        produce(
            stack,
            fields(to, "once", idempotency_key=key),
            fields(to, "other", idempotency_key=key, reference=marks["other"]),
            fields(handset(), "the last", reference=marks["last"]),
        )
        refused = await _told(watch, marks["other"])
        await _told(watch, marks["last"])
    assert refused["status"] == "failed"
    assert refused["failure"]["code"] == "conflict"
    assert refused["conflicts_with"] == first != refused["message_id"]
    assert (await api.whole(refused["message_id"])).body["conflicts_with"] == first
    await api.delivered(first)
    await once(api, phones, handset, to, "once")


async def test_simultaneous_requests_with_one_key_make_one_message(
    stack: Stack, second: str, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    """On two ingress processes at once. Only 200 and 409 answers; all 200 are the same bytes."""
    to, key = handset(), uuid.uuid4().hex
    body = json.dumps(fields(to, "once")).encode()
    headers = {"Authorization": f"Bearer {stack.run.api_key}", "Idempotency-Key": key}
    answers: Counter[tuple[int, bytes]] = Counter()
    # As many connections as two processes have room for; the others stand right behind them.
    connector = aiohttp.TCPConnector(limit_per_host=1_000, limit=0)

    async with aiohttp.ClientSession(connector=connector, headers=headers) as many:

        async def post(url: str) -> None:
            async with many.post(f"{url}/sms/send", data=body) as response:
                raw = await response.read()
                answers[response.status, raw if response.status == 200 else b""] += 1

        urls = (stack.run.ingress, second)
        await asyncio.gather(*(post(urls[n % 2]) for n in range(SIMULTANEOUS)))
    print(f"simultaneous: {Counter({s: n for (s, _), n in answers.items()})}")
    assert {status for status, _ in answers} <= {200, 409}
    (raw,) = {raw for status, raw in answers if status == 200}
    await api.delivered(json.loads(raw)["message_id"])
    await once(api, phones, handset, to, "once")


async def test_simultaneous_immediate_requests_with_one_key_make_one_message(
    stack: Stack, second: str, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    answers = await asyncio.gather(
        *(
            api.at((stack.run.ingress, second)[n % 2]).send(
                world.EXAMPLE, to, "once", queue=False, idempotency_key=key
            )
            for n in range(200)
        )
    )
    assert {answer.status for answer in answers} <= {200, 409}
    (raw,) = {answer.raw for answer in answers if answer.status == 200}
    assert json.loads(raw)["status"] == "sent"
    await once(api, phones, handset, to, "once")


async def test_other_contents_under_one_key_at_once_make_one_message(
    stack: Stack, second: str, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex
    urls = (stack.run.ingress, second)
    answers = await asyncio.gather(
        *(
            api.at(urls[n % 2]).send(world.EXAMPLE, to, f"content {n % 4}", idempotency_key=key)
            for n in range(200)
        )
    )
    assert {answer.status for answer in answers} <= {200, 409, 422}
    # Whoever was told that it is accepted had the content that was.
    (winner,) = {n % 4 for n, answer in enumerate(answers) if answer.status == 200}
    first = next(accepted(answer) for answer in answers if answer.status == 200)
    assert all(a.body["message_id"] == first for a in answers if a.status == 422)
    await api.delivered(first)
    await api.behind(world.EXAMPLE, handset())
    assert [text["text"] for text in await phones.texts(to)] == [f"content {winner}"]


async def test_what_a_killed_ingress_left_is_made_good_by_repeating(
    stack: Stack, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    """It is killed between produce and answer of some: whoever repeats gets each message once."""
    rng = random.Random(3)
    texts = {uuid.UUID(int=rng.getrandbits(128)).hex: n for n in range(KEYED)}
    tos = {key: handset() for key in texts}
    first: dict[str, bytes] = {}
    lost = 0
    limit = asyncio.Semaphore(32)
    amid = asyncio.Event()

    async def send(key: str) -> Answer:
        return await api.send(world.EXAMPLE, tos[key], f"number {texts[key]}", idempotency_key=key)

    async def try_once(key: str) -> None:
        nonlocal lost
        async with limit:
            try:
                answer = await send(key)
            except aiohttp.ClientError:
                lost += 1
                return
        if answer.status == 200:
            first[key] = answer.raw
        if len(first) >= KEYED // 3:
            amid.set()

    async def kill() -> None:
        await amid.wait()
        await asyncio.to_thread(stack.child("ingress-api").kill)

    await asyncio.gather(kill(), *(try_once(key) for key in texts))
    assert lost, "nothing was under way when it was killed"
    await asyncio.to_thread(stack.keeper("ingress-api").wait_ready, DEADLINE)

    def taken(answer: Answer) -> bool:
        assert answer.status in {200, 409, 503}, answer
        return answer.status == 200

    async def repeat(key: str) -> str:
        async with limit:
            answer = await eventually(lambda: send(key), taken)
        assert first.get(key, answer.raw) == answer.raw
        return accepted(answer)

    ids = await asyncio.gather(*(repeat(key) for key in texts))
    for message_id in ids:
        await api.delivered(message_id)
    await api.behind(world.EXAMPLE, handset())
    arrived = Counter(text["to"] for text in await phones.all())
    assert {to: arrived[to] for to in tos.values()} == dict.fromkeys(tos.values(), 1)
