"""Hands messages in and follows what becomes of them, from outside: over HTTP and over public topics."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from broker import clients
from cli.local.run import Run
from schemas import topics
from schemas.provider import Provider
from schemas.settings import KafkaSettings
from schemas.status import ENDED, State

#: Without one more message at its end for so long, a scenario has failed.
STALLED_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02
_BATCH: Final = 500
_LOST: Final = ENDED - {State.DELIVERED}


class BenchmarkError(RuntimeError):
    """A message did not come to the end that it should have: the figures would mean nothing."""


@dataclass
class Ends:
    """The messages that have ended, as `sms.status.v1` tells it; fed by `follow`."""

    delivered: dict[str, None] = field(default_factory=dict)
    """Ids in the order of their ends. A repeat of a record changes nothing."""
    lost: list[str] = field(default_factory=list)
    """Ends that a benchmark must not see: id, state, reason."""

    def take(self, value: bytes) -> None:
        """Take one record."""
        told = json.loads(value)
        message_id, state = told["message_id"], State(told["status"])
        if state is State.DELIVERED:
            self.delivered[message_id] = None
        elif state in _LOST:
            self.lost.append(f"{message_id} {state} {told.get('reason')}")

    def count(self) -> int:
        """How many have been delivered."""
        return len(self.delivered)

    async def until(self, many: int) -> None:
        """Return when `count` is so many.

        Raises:
            BenchmarkError: one ended otherwise, or nothing has come for a long time.
        """
        seen, since = self.count(), time.monotonic()
        while (now := self.count()) < many:
            if self.lost:
                raise BenchmarkError(f"not delivered: {self.lost[:3]}")
            if now > seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > STALLED_SECONDS:
                raise BenchmarkError(f"{seen} of {many} delivered, and no more for {STALLED_SECONDS:g} s")
            await asyncio.sleep(_LOOK_SECONDS)


class Load:
    """Sends through Twilio's numbers. Made by `load`."""

    def __init__(
        self, run: Run, session: aiohttp.ClientSession, producer: AIOKafkaProducer, ends: Ends
    ) -> None:
        self.ends = ends
        self._run = run
        # Providers take turns among them, in their order.
        self._senders = run.senders[list(Provider).index(Provider.TWILIO) :: len(Provider)]
        self._session = session
        self._producer = producer
        self._number = 0

    async def post(self) -> str:
        """One message over REST; its text, which is no other's."""
        request = self._request()
        async with self._session.post(f"{self._run.ingress}/sms/send", json=request) as response:
            response.raise_for_status()
            await response.read()
        return request["message"]

    async def post_at_rate(self, per_second: float, many: int) -> dict[str, float]:
        """Messages over REST, evenly; when each was begun (seconds since the epoch), by its text."""
        began = time.monotonic()
        moments: dict[str, float] = {}

        async def one() -> None:
            moment = time.time()
            moments[await self.post()] = moment

        async with asyncio.TaskGroup() as group:
            for n in range(many):
                await asyncio.sleep(max(0.0, began + n / per_second - time.monotonic()))
                group.create_task(one())
        return moments

    async def post_flat_out(self, many: int, callers: int = 64) -> None:
        """Messages over REST, each caller's next as soon as its last is answered."""
        left = iter(range(many))

        async def caller() -> None:
            for _ in left:
                await self.post()

        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())

    async def produce(self, many: int) -> None:
        """Requests over Kafka, as fast as the broker acknowledges them."""
        for start in range(0, many, _BATCH):
            values = [json.dumps(self._request()).encode() for _ in range(min(_BATCH, many - start))]
            await asyncio.gather(*[await self._producer.send(topics.REQUESTS, value) for value in values])

    async def visible(self, message_id: str) -> None:
        """Return when the REST door shows a message as delivered.

        Raises:
            BenchmarkError: it does not.
        """
        deadline = time.monotonic() + STALLED_SECONDS
        while time.monotonic() < deadline:
            async with self._session.get(f"{self._run.ingress}/sms/{message_id}/status") as response:
                if response.ok and (await response.json())["state"] == State.DELIVERED:
                    return
            await asyncio.sleep(_LOOK_SECONDS)
        raise BenchmarkError(f"{message_id} is delivered, and the REST door does not show it")

    async def arrived(self, since: float) -> dict[str, float]:
        """When each text reached the provider, by the provider's clock (this machine's), in seconds."""
        wanted = {"since": datetime.fromtimestamp(since).astimezone().isoformat()}
        async with self._session.get(f"{self._run.simulator}/handsets", params=wanted) as response:
            texts = (await response.json())["texts"]
        return {text["text"]: datetime.fromisoformat(text["at"]).timestamp() for text in texts}

    def _request(self) -> dict[str, str]:
        self._number += 1
        return {
            "from_phone_number": self._senders[self._number % len(self._senders)],
            "to_phone_number": f"+1415{2_000_000 + self._number:07d}",
            "message": f"benchmark {self._number}",
        }


@asynccontextmanager
async def load(run: Run) -> AsyncIterator[Load]:
    """A load generator for a running stack."""
    kafka = KafkaSettings(bootstrap_servers=run.kafka)
    ends = Ends()
    key = {"Authorization": f"Bearer {run.api_key}"}
    async with (
        aiohttp.ClientSession(headers=key, connector=aiohttp.TCPConnector(limit=256)) as session,
        clients.producer(kafka, linger_ms=20) as producer,
        clients.reader(kafka) as reader,
    ):
        parts: list[Any] = [TopicPartition(topics.STATUS, p) for p in await _partitions(producer)]
        reader.assign(parts)
        await reader.seek_to_end()
        following = asyncio.create_task(_follow(reader, ends))
        try:
            yield Load(run, session, producer, ends)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _partitions(producer: AIOKafkaProducer) -> set[int]:
    found: set[int] = await producer.partitions_for(topics.STATUS)
    return found


async def _follow(reader: AIOKafkaConsumer, ends: Ends) -> None:
    while True:
        for records in (await reader.getmany(timeout_ms=1000)).values():
            for record in records:
                ends.take(record.value)
