"""Hands a plan in: over REST as a careful caller does, and by a plain Kafka producer that knows only JSON."""

import asyncio
import json
import random
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.spine_plan import Door, Plan, Planned

#: A caller with a key tries this often; each try waits a little longer.
TRIES = 60


@dataclass
class Handed:
    """What the doors have answered, by message number."""

    acknowledged: Counter[int] = field(default_factory=Counter)
    #: Keyless REST requests whose answer was lost or 503: they may arrive once, or not at all.
    doubtful: set[int] = field(default_factory=set)
    #: `message_id` as the REST door told it.
    ids: dict[int, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    #: Requests that were never acknowledged though they were tried again and again.
    given_up: set[int] = field(default_factory=set)
    #: Records that the Kafka producer says the broker has.
    produced: int = 0


def body(message: Planned) -> dict[str, object]:
    """The request, the same for both doors."""
    found: dict[str, object] = {
        "from_phone_number": message.sender,
        "to_phone_number": message.to,
        "message": message.text,
    }
    if message.key:
        found["idempotency_key"] = message.key
    return found


class Turnstile:
    """Lets hand-ins through up to a number, so that a load lasts as long as what is done to the stack."""

    def __init__(self, open_to: int) -> None:
        self._open_to = open_to
        self._passed = 0
        self._moved = asyncio.Condition()

    async def go(self) -> None:
        """Return when the next hand-in may be made."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._passed < self._open_to)
            self._passed += 1
            self._moved.notify_all()

    async def let(self, open_to: int) -> None:
        """Let through up to that many in all, and return when half of the new ones have gone."""
        async with self._moved:
            half = (self._open_to + open_to) // 2
            self._open_to = open_to
            self._moved.notify_all()
            await self._moved.wait_for(lambda: self._passed >= half)


async def hand_in(
    plan: Plan,
    *,
    ingress: str,
    api_key: str,
    kafka: str,
    topic: str,
    per_second: float,
    handed: Handed,
    turnstile: Turnstile,
) -> None:
    """Hand in all of `plan` at `per_second` at the most; returns when every hand-in has been answered."""
    producer = PlainProducer(kafka, topic, handed)
    limit = asyncio.Semaphore(64)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {api_key}"}) as session,
        asyncio.TaskGroup() as group,
    ):
        for n, (number, door) in enumerate(plan.order):
            await turnstile.go()
            await _until(loop, began + n / per_second)
            if door == "kafka":
                producer.send(plan.messages[number])
                continue
            await limit.acquire()
            call = group.create_task(_rest(session, ingress, plan.messages[number], handed))
            call.add_done_callback(lambda _: limit.release())
    await asyncio.to_thread(producer.close)


async def _until(loop: asyncio.AbstractEventLoop, moment: float) -> None:
    if (wait := moment - loop.time()) > 0:
        await asyncio.sleep(wait)


async def _rest(session: aiohttp.ClientSession, ingress: str, message: Planned, handed: Handed) -> None:
    pause = 0.1
    for _ in range(TRIES):
        status, answer = await _post(session, ingress, message)
        handed.answers[status] += 1
        if status == 200:
            handed.acknowledged[message.number] += 1
            handed.ids[message.number] = str(answer["message_id"])
            return
        if message.key is None:
            # Without a key a second try could be a second message: a careful caller leaves it.
            handed.doubtful.add(message.number)
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    handed.given_up.add(message.number)


async def _post(
    session: aiohttp.ClientSession, ingress: str, message: Planned
) -> tuple[int, dict[str, object]]:
    try:
        async with session.post(
            f"{ingress}/sms/send", json=body(message), timeout=aiohttp.ClientTimeout(total=30)
        ) as response:
            return response.status, await response.json()
    except (aiohttp.ClientError, TimeoutError):
        return 0, {}


class PlainProducer:
    """confluent-kafka with its own default partitioner, random keys, and no knowledge of Heliograph."""

    def __init__(self, kafka: str, topic: str, handed: Handed) -> None:
        self._topic = topic
        self._handed = handed
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "linger.ms": 5,
                "delivery.timeout.ms": 120_000,
                "log_level": 2,
            }
        )
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()

    def send(self, message: Planned) -> None:
        """Queue one request under a random key."""

        def delivered(error: KafkaError | None, _: Message) -> None:
            with self._lock:
                if error is None:
                    self._handed.acknowledged[message.number] += 1
                    self._handed.produced += 1
                else:
                    self._handed.given_up.add(message.number)

        value = json.dumps(body(message), ensure_ascii=bool(random.getrandbits(1)))
        self._producer.produce(self._topic, value.encode(), key=uuid.uuid4().bytes, on_delivery=delivered)

    def close(self) -> None:
        """Return when the broker has answered for every record."""
        self._producer.flush(120)
        self._ends.set()
        self._poller.join()

    def _poll(self) -> None:
        while not self._ends.is_set():
            self._producer.poll(0.1)


def by_door(plan: Plan) -> Counter[Door]:
    """How many hand-ins each door gets."""
    return Counter(door for _, door in plan.order)
