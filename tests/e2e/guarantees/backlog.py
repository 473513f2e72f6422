"""A backlog behind one number: handed in through the Kafka door, routed, and seen from outside."""

import asyncio
import json
from pathlib import Path
from typing import Final

from aiokafka import TopicPartition

from broker import clients
from cli.local.stack import Stack
from schemas import topics
from schemas.settings import KafkaSettings

#: globex' numbers at Twilio in the demo: one segment a second, and twenty.
SLOW: Final = "+16465550132"
QUICK: Final = "+16465550130"
#: Requests of one batch.
_BATCH: Final = 1_000


def kafka(stack: Stack) -> KafkaSettings:
    """Where the stack's broker is."""
    return KafkaSettings(bootstrap_servers=stack.run.kafka)


async def hand_in(stack: Stack, sender: str, to: str, texts: list[str]) -> None:
    """Produce a request for each text; all are acknowledged."""
    topic = topics.requests_of("globex")
    fields = {"from_phone_number": sender, "to_phone_number": to}
    async with clients.producer(kafka(stack), linger_ms=20) as producer:
        for start in range(0, len(texts), _BATCH):
            batch = [
                json.dumps({**fields, "message": text}).encode() for text in texts[start : start + _BATCH]
            ]
            await asyncio.gather(*[await producer.send(topic, value) for value in batch])


async def routed(stack: Stack) -> int:
    """How many records of `sms.messages.v1`, of one partition, `route` is done with."""
    async with clients.admin(kafka(stack)) as admin:
        found = await admin.list_consumer_group_offsets(topics.ROUTE_APP)
    offset: int = found[TopicPartition(topics.MESSAGES, 0)].offset
    return max(offset, 0)


async def written(stack: Stack, *names: str) -> int:
    """How many records were ever written to these topics, of one partition each."""
    async with clients.reader(kafka(stack)) as reader:
        return sum((await reader.end_offsets([TopicPartition(name, 0) for name in names])).values())


def rss(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20
