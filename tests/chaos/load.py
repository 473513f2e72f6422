"""Hands a plan in: over REST as a careful caller does, and by plain Kafka producers that know only JSON."""

import asyncio
import json
import random
import time
from contextlib import AsyncExitStack
from typing import Final

import aiohttp
from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.logs import TAKEN, Told, What
from tests.chaos.plan import HANDSETS, Cancel, Fate, HandIn, Plan, Planned
from tests.chaos.rest import Caller, request
from tests.chaos.world import TENANTS, World

#: Who tries again gives up after this.
PATIENCE_SECONDS: Final = 180.0
_AT_ONCE: Final = 200
#: A number that cannot be reached, in each provider's words.
_UNREACHABLE: Final = {"twilio": "21211", "telnyx": "40310", "vonage": "1050"}


async def load(plan: Plan, world: World, told: list[Told], until: asyncio.Event | None = None) -> int:
    """Do all of `plan` at its times, and write down what clients are told; returns when all are answered.

    Once `until` is set, nothing more is begun. How many acts were begun is returned.
    """
    await prepare(world)
    loop, begun = asyncio.get_running_loop(), 0
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        clients = _Clients(plan, Caller(session, world, PATIENCE_SECONDS), told)
        stack.push_async_callback(clients.close)
        clients.connect(world.kafka)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        began = loop.time()
        for act in plan.acts:
            if (wait := began + act.at - loop.time()) > 0:
                await asyncio.sleep(wait)
            if until is not None and until.is_set():
                break
            group.create_task(clients.do(act))
            begun += 1
    return begun


async def prepare(world: World) -> None:
    """Have the simulator treat handsets by their fates. Repeats replace what was before."""
    rules: list[dict[str, object]] = [
        {
            "match": {"provider": name, "to": f"{HANDSETS[Fate.REFUSED]}*"},
            "fault": {"kind": "reject", "code": code},
        }
        for name, code in _UNREACHABLE.items()
    ]
    undelivered = {"kind": "receipts", "final": "undelivered"}
    rules.append({"match": {"to": f"{HANDSETS[Fate.UNDELIVERED]}*"}, "fault": undelivered})
    url = f"{world.simulator}/faults"
    async with aiohttp.ClientSession() as session, session.put(url, data=json.dumps(rules)) as response:
        response.raise_for_status()


class _Clients:
    """All clients of a run."""

    def __init__(self, plan: Plan, caller: Caller, told: list[Told]) -> None:
        self._plan = plan
        self._caller = caller
        self._told = told
        self._ids: dict[int, asyncio.Future[str | None]] = {}
        self._producers: dict[str, PlainProducer] = {}
        for act in plan.acts:
            if isinstance(act, Cancel):
                self._ids.setdefault(act.number, asyncio.get_running_loop().create_future())

    def connect(self, kafka: str) -> None:
        """A producer for each organization."""
        self._producers = {name: PlainProducer(kafka, tenant.topic) for name, tenant in TENANTS.items()}

    async def close(self) -> None:
        for producer in self._producers.values():
            await asyncio.to_thread(producer.close)

    async def do(self, act: HandIn | Cancel) -> None:
        message = self._plan.messages[act.number]
        match act:
            case HandIn(door="kafka"):
                self._told.append(await self._produced(message))
            case HandIn():
                answer = await self._caller.send(message)
                self._told.append(answer)
                found = self._ids.get(message.number)
                if found is not None and not found.done():
                    found.set_result(answer.message_id if answer.what in TAKEN else None)
            case Cancel():
                # Its hand-in was begun before, and is answered or given up within its patience.
                message_id = await self._ids[message.number]
                if message_id is not None:
                    self._told.append(await self._caller.cancel(message, message_id))

    async def _produced(self, message: Planned) -> Told:
        """A producer with a key tries again; without one a second try could be a second message."""
        producer, ends = self._producers[message.organization], time.monotonic() + PATIENCE_SECONDS
        while not (taken := await producer.send(message)):
            if message.key is None or time.monotonic() > ends:
                break
        return Told(time.time(), message.number, What.PRODUCED if taken else What.UNSURE)


class PlainProducer:
    """confluent-kafka with its own default partitioner, random keys, and no knowledge of Heliograph."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._topic = topic
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "linger.ms": 5,
                "delivery.timeout.ms": 120_000,
                "log_level": 2,
            }
        )
        self._polling = self._loop.create_task(self._poll())

    async def send(self, message: Planned) -> bool:
        """Produce one request; whether the broker has it."""
        taken: asyncio.Future[bool] = self._loop.create_future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            self._loop.call_soon_threadsafe(_tell, taken, error is None)

        value = json.dumps(request(message), ensure_ascii=bool(message.number % 2)).encode()
        key = random.getrandbits(64).to_bytes(8, "big")
        self._producer.produce(self._topic, value, key=key, on_delivery=delivered)
        return await taken

    def close(self) -> None:
        """Stop. What `send` waits for has been answered by then."""
        self._loop.call_soon_threadsafe(self._polling.cancel)
        self._producer.flush(10)

    async def _poll(self) -> None:
        while True:
            self._producer.poll(0)
            await asyncio.sleep(0.01)


def _tell(taken: asyncio.Future[bool], value: bool) -> None:
    if not taken.done():
        taken.set_result(value)
