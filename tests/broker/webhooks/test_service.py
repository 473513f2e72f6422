"""`python -m webhooks` on a real broker: what was answered with 2xx is in the log; without the log, 503."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from broker import clients, topics
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from schemas import callback
from schemas import topics as names
from schemas.directory import Entry, Number
from schemas.exits import Exit
from schemas.facts import Receipt, ReceiptStatus, decode_fact
from schemas.provider import Provider
from schemas.public import InboundRecord, Media
from schemas.settings import KafkaSettings, TopicSettings
from tests.fakes.callbacks import (
    MAC,
    OURS,
    PUBLIC,
    SECRETS,
    SENT,
    Post,
    account,
    telnyx,
    telnyx_text,
    twilio,
    twilio_text,
    vonage,
    vonage_text,
)

pytestmark = pytest.mark.broker
DEADLINE = 120
MESSAGES = [f"0197f3a2-0000-7000-8000-{n:012}" for n in range(9)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Kafka]:
    """One of our own: it is taken away in between."""
    kafka = Kafka(
        tmp_path_factory.mktemp("kafka"),
        port=choose(),
        controller_port=choose(),
        cache=jar_cache,
        jvm=QUICK_JVM,
    )
    kafka.start()
    try:
        kafka.wait_ready()
        asyncio.run(furnish(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)))
        yield kafka
    finally:
        kafka.stop()


async def furnish(kafka: KafkaSettings) -> None:
    """Our topics, and an account at each provider."""
    await topics.create(kafka, TopicSettings(partitions=2))
    async with clients.producer(kafka) as producer:
        for provider in Provider:
            one = account(provider, f"{provider}-main", (f"env:T_{provider}",))
            entry = Entry(kind="account", id=one.id, organization="operator", version=1, at=0, entity=one)
            await producer.send_and_wait(names.DIRECTORY, entry.encode(), entry.key)
        ours = Number(organization="acme", id=OURS, account="telnyx-main")
        entry = Entry(kind="number", id=OURS, organization="acme", version=1, at=0, entity=ours)
        await producer.send_and_wait(names.DIRECTORY, entry.encode(), entry.key)


@dataclass
class Service:
    """The process under test."""

    process: subprocess.Popen[bytes]
    url: str

    async def send(self, client: httpx.AsyncClient, post: Post) -> httpx.Response:
        return await client.post(
            self.url + post.url.removeprefix(PUBLIC), headers=dict(post.headers), content=post.body
        )


@pytest.fixture
async def service(broker: Kafka, valkey: Any, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(broker, valkey.url, tmp_path) as one:
        yield one


@asynccontextmanager
async def running(broker: Kafka, redis: str, folder: Path) -> AsyncIterator[Service]:
    port = choose()
    ready = folder / f"ready-{port}"
    ready.touch()
    environment = {
        **os.environ,
        **{f"T_{provider}": secret for provider, secret in SECRETS.items()},
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "HELIO_TOPICS__PARTITIONS": "2",
        "HELIO_REDIS__URL": redis,
        "HELIO_WEBHOOKS__PORT": str(port),
        "HELIO_WEBHOOKS__PRODUCE_TIMEOUT_SECONDS": "2",
        "HELIO_CALLBACKS__PUBLIC_URL": PUBLIC,
        "HELIO_CALLBACKS__SECRETS": f'["{MAC}"]',
        "HELIO_READY_FILE": str(ready),
    }
    process = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-m", "webhooks"], env=environment)
    try:
        await until(lambda: process.poll() is not None or answers(port))
        assert process.poll() is None
        assert ready.exists()
        yield Service(process, f"http://127.0.0.1:{port}")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, DEADLINE) == 0
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def genuine(provider: Provider, message_id: str) -> Post:
    """A `delivered` signed at this moment."""
    now = int(time.time())
    sent = replace(SENT, account=f"{provider}-main", message_id=message_id)
    url = callback.url(PUBLIC, provider, sent, MAC)
    match provider:
        case Provider.TWILIO:
            return twilio(url)
        case Provider.TELNYX:
            return telnyx(url=url, at=now)
        case Provider.VONAGE:
            return vonage(url=url, iat=now)


async def receipts(broker: Kafka) -> list[Receipt]:
    """All that the log holds at this moment, and not a record more."""
    found: list[Receipt] = []
    for record in await records(broker, names.EVENTS):
        fact = decode_fact(record.value)
        assert isinstance(fact, Receipt)
        assert record.key == fact.message_id.encode()
        found.append(fact)
    return found


async def texts(broker: Kafka, text: str) -> list[InboundRecord]:
    """Those of this text that the log holds at this moment."""
    found: list[InboundRecord] = []
    for record in await records(broker, names.INBOUND):
        one = InboundRecord.decode(record.value)
        assert record.key == one.from_number.encode()
        assert dict(record.headers)["ce_id"] == one.id.encode()
        found.append(one)
    return [one for one in found if one.text == text]


async def records(broker: Kafka, topic: str) -> list[Any]:
    found: list[Any] = []
    partitions = [TopicPartition(topic, n) for n in range(2)]
    async with AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                found += (await consumer.getmany(partition, timeout_ms=1000)).get(partition, [])
    return found


async def taken(service: Service, client: httpx.AsyncClient, post: Post) -> bool:
    return (await service.send(client, post)).is_success


async def test_what_was_answered_is_in_the_log(service: Service, broker: Kafka) -> None:
    async with httpx.AsyncClient() as client:
        for provider, message_id in zip(Provider, MESSAGES, strict=False):
            answer = await service.send(client, genuine(provider, message_id))
            assert answer.status_code == 204, answer.text
            # At once: the answer came after the broker's.
            assert [one.provider for one in await receipts(broker) if one.message_id == message_id] == [
                provider
            ]
        forged = genuine(Provider.VONAGE, MESSAGES[8])
        answer = await service.send(
            client, replace(forged, body=forged.body.replace(b"delivered", b"rejected"))
        )
        assert answer.status_code == 403
        assert "helio_webhooks_callbacks_total" in (await client.get(service.url + "/metrics")).text
    found = await receipts(broker)
    assert MESSAGES[8] not in {one.message_id for one in found}
    assert {one.status for one in found} == {ReceiptStatus.DELIVERED}


async def test_without_the_broker_it_is_503_and_nothing_that_was_answered_is_lost(
    service: Service, broker: Kafka
) -> None:
    answered: set[str] = set()
    async with httpx.AsyncClient(timeout=DEADLINE) as client:
        assert (await service.send(client, genuine(Provider.TWILIO, MESSAGES[3]))).status_code == 204
        await asyncio.to_thread(broker.kill)
        posts = [service.send(client, genuine(p, MESSAGES[4 + n])) for n, p in enumerate(Provider)]
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {503}
        assert (await client.get(service.url + "/readyz")).status_code == 503
        assert (await client.get(service.url + "/livez")).status_code == 200
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(broker.wait_ready)
        async with asyncio.timeout(DEADLINE):
            # As the providers do, until it is taken.
            for number, provider in enumerate(Provider):
                message_id = MESSAGES[4 + number]
                while not await taken(service, client, genuine(provider, message_id)):  # noqa: ASYNC110 - it comes back
                    await asyncio.sleep(0.1)  # as a provider pauses
                answered.add(message_id)
    assert answered | {MESSAGES[3]} <= {one.message_id for one in await receipts(broker)}


CAT = "https://media.example.com/cat.jpg"


def told(provider: Provider, name: str, text: str) -> Post:
    """A text with a picture, told at this moment at the address that names no account."""
    now = int(time.time())
    match provider:
        case Provider.TWILIO:
            picture = {"NumMedia": "1", "MediaUrl0": CAT, "MediaContentType0": "image/jpeg"}
            return twilio_text(MessageSid=name, SmsSid=name, Body=text, **picture)
        case Provider.TELNYX:
            media = [{"url": CAT, "content_type": "image/jpeg", "size": 7}]
            return telnyx_text(at=now, id=name, text=text, media=media)
        case Provider.VONAGE:
            image = {"url": CAT, "caption": text}
            return vonage_text(iat=now, message_uuid=name, message_type="image", text=None, image=image)


async def test_texts_with_media_are_in_the_log_before_they_are_answered(
    service: Service, broker: Kafka
) -> None:
    text = "Grüße 👩‍👩‍👧‍👦 مرحبا"
    async with httpx.AsyncClient() as client:
        for provider in Provider:
            post = told(provider, f"first-{provider}", text)
            forged = replace(post, body=post.body.replace(b"first", b"false"))
            assert (await service.send(client, forged)).status_code == 403
            answer = await service.send(client, post)
            assert answer.status_code == (200 if provider is Provider.TWILIO else 204), answer.text
            found = (await texts(broker, text))[-1]
            assert (found.provider, found.provider_message_id) == (provider, f"first-{provider}")
            assert [one.url for one in found.media] == [CAT]
            # The number is acme's, and the accounts are the operator's, which serve everybody: whichever it
            # comes through (it may be moving from one to another), it is acme's.
            assert (found.organization, found.account) == ("acme", f"{provider}-main")
        # The largest that fits our limit on bodies: about as large as the batches of the producer.
        long = "\x01" * 21_000
        assert (await service.send(client, told(Provider.TWILIO, "long", long))).status_code == 200
        assert len(await texts(broker, long)) == 1
    everything = await texts(broker, text)
    assert len(everything) == len(Provider)
    assert everything[1].media == (Media(url=CAT, content_type="image/jpeg", size=7),)


async def test_repeats_collapse_over_processes(
    service: Service, broker: Kafka, valkey: Any, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(running(broker, valkey.url, tmp_path))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=DEADLINE))
        for post in [told(provider, f"again-{provider}", "again") for provider in Provider]:
            for where in (service, other, service):
                assert (await where.send(client, post)).is_success
        burst = [told(provider, f"burst-{provider}-{n}", "burst") for n in range(8) for provider in Provider]
        answers = await asyncio.gather(
            *(where.send(client, post) for post in burst for where in (service, other, service, other))
        )
        assert all(answer.is_success for answer in answers)
    assert len(await texts(broker, "again")) == len(Provider)
    found = await texts(broker, "burst")
    assert len({one.id for one in found}) == len(burst)
    # One each, unless this machine is so busy that a process has waited for the other in vain.
    assert len(found) <= 2 * len(burst)


async def test_without_the_broker_a_text_is_503_and_none_that_was_answered_is_lost(
    service: Service, broker: Kafka
) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE) as client:
        await asyncio.to_thread(broker.kill)
        posts = [told(provider, f"late-{provider}", "late") for provider in Provider]
        answers = await asyncio.gather(*(service.send(client, post) for post in posts))
        assert {answer.status_code for answer in answers} == {503}
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(broker.wait_ready)
        async with asyncio.timeout(DEADLINE):
            for post in posts:
                while not await taken(service, client, post):  # noqa: ASYNC110 - it comes back
                    await asyncio.sleep(0.1)  # as a provider pauses
    found = await texts(broker, "late")
    assert {one.provider for one in found} == set(Provider)
    # The first calls' records were under way all the time: the repeats have found them.
    assert len(found) == len(Provider)


async def test_topics_that_are_missing_are_named(broker: Kafka) -> None:
    environment = {
        **os.environ,
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "HELIO_TOPICS__PARTITIONS": "3",
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "webhooks"],
        env=environment,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == Exit.TOPICS
    assert b"sms.events.v1 has 2 partitions, not 3" in done.stderr
