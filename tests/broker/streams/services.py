"""The streams as processes, and what tests hand to them and read of them."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from broker import clients
from broker.publish import Outgoing
from cli.local.child import Child
from cli.local.process import Process
from schemas import topics
from schemas.directory import Account, AnyEntity, Assistant, Entry, Number, VonageCredentials, identity
from schemas.facts import AnyFact
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message
from schemas.settings import KafkaSettings

SENDER, HANDSET = "+15550100001", "+15557654321"
HOUR = 3_600_000
PARTITIONS = 2
Service = Child

ENTITIES: tuple[AnyEntity, ...] = (
    Account(
        organization="operator",
        id="vg-main",
        credentials=VonageCredentials(
            application_id="app", private_key="env:PRIVATE", signature_secrets=("env:SIGNATURE",)
        ),
    ),
    # Quick enough that none of what a test hands in has to wait for its turn.
    Number(organization="acme", id=SENDER, account="vg-main", rate=50),
    Assistant(organization="acme", id="desk", name="Desk", numbers=(SENDER,)),
)


def now() -> int:
    return time.time_ns() // 1_000_000


def service(name: str, bootstrap_servers: str, folder: Path, number: int, env: Mapping[str, str]) -> Service:
    """`python -m streams NAME`, quick to notice the deaths of others, not started."""
    ready = folder / f"{name}-{number}.ready"
    process = Process(
        name,
        (sys.executable, "-m", "streams", name),
        env={
            "HELIO_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
            "HELIO_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
            "HELIO_KAFKA__COMMIT_INTERVAL_SECONDS": "0.5",
            "HELIO_TOPICS__PARTITIONS": str(PARTITIONS),
            "HELIO_READY_FILE": str(ready),
            **env,
        },
        ready=ready.exists,
    )
    return Child(process, folder / f"{name}-{number}.log")


def directory_entries() -> list[Outgoing]:
    """The directory's records: one number of one assistant, on one account of the operator."""
    entries = [
        Entry(
            kind=identity(entity)[0],
            id=identity(entity)[1],
            organization=entity.organization,
            version=1,
            at=now(),
            entity=entity,
        )
        for entity in ENTITIES
    ]
    return [Outgoing(topics.DIRECTORY, entry.key, entry.encode()) for entry in entries]


def message(message_id: str, text: str = "hello", sender: str = SENDER) -> Message:
    """An accepted message, with a fingerprint of its text."""
    content = Content(
        from_number=sender,
        to_number=HANDSET,
        text=text,
        segments=1,
        fingerprint=f"1:{text}",
        accepted_at=now(),
    )
    return Message(
        message_id=message_id,
        organization="acme",
        door=Door.REST,
        lane=Lane.QUEUED,
        valid_until=now() + HOUR,
        forget_at=now() + 72 * HOUR,
        can_repeat=True,
        content=content,
    )


def of_message(*messages: Message) -> list[Outgoing]:
    return [Outgoing(topics.MESSAGES, m.message_id.encode(), m.encode()) for m in messages]


def of_fact(*facts: AnyFact) -> list[Outgoing]:
    return [Outgoing(topics.EVENTS, f.message_id.encode(), f.encode()) for f in facts]


async def records(
    kafka: KafkaSettings,
    names: Iterable[str],
    done: Callable[[list[ConsumerRecord]], bool],
    seconds: float = 60,
) -> list[ConsumerRecord]:
    """All records of these topics from the start, once `done` says that they are all."""
    found: list[ConsumerRecord] = []
    async with asyncio.timeout(seconds):
        async for record in _follow(kafka, names):
            found.append(record)
            if done(found):
                return found
    raise AssertionError("unreachable")


async def _follow(kafka: KafkaSettings, names: Iterable[str]) -> AsyncIterator[ConsumerRecord]:
    consumer: AIOKafkaConsumer = clients.reader(kafka)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(name, n) for name in names for n in range(PARTITIONS)])
        async for record in consumer:
            yield record
    finally:
        await consumer.stop()
