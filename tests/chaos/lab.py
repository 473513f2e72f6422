"""One stack for many small experiments: what a service starts with, where it dies, and what is seen of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import redis.asyncio
from aiokafka import TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from broker import clients
from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from cli.local.table import SIMULATOR
from schemas import topics
from schemas.failpoints import Point
from schemas.settings import KafkaSettings
from tests.chaos import gather, orders
from tests.chaos.checker import Verdict, check
from tests.chaos.load import PlainProducer
from tests.chaos.logs import Logs, Told, What
from tests.chaos.orders import At, Do, Done, Orders
from tests.chaos.plan import Door, HandIn, Plan, Planned
from tests.chaos.rest import Caller
from tests.chaos.world import TENANTS, World, enter, settings, simulator

#: Longer than anything takes that works; a machine under load is slow.
DEADLINE: Final = 60.0
_LOOK_SECONDS: Final = 0.05
COPIES: Final = {"dispatchers-twilio": 2, "dispatchers-telnyx": 2}
#: What a stream has said is in these, in the order in which a message comes through.
WAY: Final = (
    ("helio-intake", tuple(tenant.topic for tenant in TENANTS.values())),
    (topics.ROUTE_APP, (topics.MESSAGES,)),
    (topics.FOLD_APP, (topics.EVENTS,)),
)


class Lab:
    """A running stack, all of whose services obey orders."""

    def __init__(self, stack: Stack, file: Path) -> None:
        self.stack = stack
        self.world: World
        self._file = file
        self._orders: dict[str, Orders] = {}
        self._ids = count(1)

    # -- what processes are told

    async def start(self, name: str, *without: str) -> None:
        """Start a service anew, with these guards left out."""
        self._order(name, Orders(without=without))
        await asyncio.to_thread(self.stack.child(name).stop)
        await self.ready(name)

    async def ready(self, name: str) -> None:
        """Wait until it is, also after a kill."""
        await asyncio.to_thread(self.stack.keeper(name).wait_ready, DEADLINE)

    async def restarted(self, name: str, before: int) -> None:
        """Wait until it has ended by itself: more restarts than `before`."""

        async def look() -> bool:
            return self.stack.keeper(name).restarts > before

        await eventually(look)

    @asynccontextmanager
    async def another(self, name: str) -> AsyncIterator[None]:
        """A second process of a dispatcher, within the block."""
        keeper = self.stack.keeper(f"{name}-2")
        keeper.let_up()
        await self.ready(keeper.name)
        try:
            yield
        finally:
            await asyncio.to_thread(keeper.hold_down)

    def at(self, name: str, point: Point, do: Do) -> "Ordered":
        """Have it killed or stopped when it comes to a point."""
        order = At(point, do, 1, f"lab-{next(self._ids)}")
        self._order(name, Orders(without=self._orders[name].without, at=(order,)))
        return Ordered(self._file, order)

    async def kill(self, name: str, *without: str) -> None:
        """SIGKILL; it comes back with these guards left out."""
        self._order(name, Orders(without=without))
        await asyncio.to_thread(self.stack.child(name).kill)
        await self.ready(name)

    async def wipe(self) -> None:
        """The ledger has lost everything."""
        async with redis.asyncio.from_url(self.stack.run.redis) as client:
            await client.flushall()

    def _order(self, name: str, wanted: Orders) -> None:
        self._orders[name] = wanted
        orders.write(self._file, self._orders)

    @asynccontextmanager
    async def topic_of_small_records(self, name: str) -> AsyncIterator[None]:
        """Within the block the broker refuses what is to go into this topic."""
        topic = next(topic for topic in topics.catalogue() if topic.name == name)
        await self._configure(name, {**topic.configs(), "max.message.bytes": "100"})
        try:
            yield
        finally:
            await self._configure(name, topic.configs())

    async def _configure(self, topic: str, configs: Mapping[str, str]) -> None:
        async with clients.admin(self._kafka) as admin:
            resource = ConfigResource(ConfigResourceType.TOPIC, topic, dict(configs))
            await admin.alter_configs([resource])

    # -- what is seen from outside

    @asynccontextmanager
    async def experiment(self, name: str) -> AsyncIterator["Experiment"]:
        """Messages of their own, and what becomes of them."""
        subscriber = gather.Subscriber(self.world.kafka)
        following = asyncio.create_task(subscriber.follow())
        try:
            yield Experiment(self, f"{name} {next(self._ids)}", subscriber)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def drained(self) -> None:
        """Wait until the streams have committed all that there is: what they will say, they have said."""
        for group, names in WAY:
            ends = await self.ends(names)
            await eventually(lambda g=group, e=ends: self._reached(g, e))  # type: ignore[misc] # bound at once

    async def ends(self, names: Sequence[str]) -> dict[TopicPartition, int]:
        """The end of each partition, where it holds anything."""
        async with clients.reader(self._kafka) as consumer:
            partitions = await gather.partitions(consumer, names)
            found = await consumer.end_offsets(partitions)
        return {partition: end for partition, end in found.items() if end}

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """Where a group has got to."""
        async with clients.admin(self._kafka) as admin:
            found = await admin.list_consumer_group_offsets(group)
        return {partition: meta.offset for partition, meta in found.items()}

    async def _reached(self, group: str, ends: Mapping[TopicPartition, int]) -> bool:
        now = await self.committed(group)
        return all(now.get(partition, 0) >= end for partition, end in ends.items())

    @asynccontextmanager
    async def fault(self, match: Mapping[str, str], **fault: object) -> AsyncIterator[None]:
        """A rule of the simulator, for as long as the block lasts."""
        url = f"{self.world.simulator}/faults"
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            rule = json.dumps({"match": match, "fault": fault})
            async with session.post(url, data=rule) as response:
                made = (await response.json())["id"]
            try:
                yield
            finally:
                await session.delete(f"{url}/{made}")

    async def requests(self, to: str) -> list[dict[str, Any]]:
        """The send requests that providers had for a handset."""
        url = f"{self.world.simulator}/requests"
        async with aiohttp.ClientSession() as session, session.get(url, params={"to": to}) as response:
            found: list[dict[str, Any]] = (await response.json())["requests"]
            return found

    @property
    def _kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=self.world.kafka)


class Ordered:
    """An order that somebody will come to."""

    def __init__(self, file: Path, order: At) -> None:
        self._file = file
        self._order = order

    async def done(self) -> Done:
        """Wait until it is done."""

        async def look() -> Done | None:
            return orders.done(self._file, str(self._order.id))

        found: Done = await eventually(look, pause=0.005)
        return found


class Experiment:
    """Some messages, handed in one by one, and the logs that have them."""

    def __init__(self, lab: Lab, name: str, subscriber: gather.Subscriber) -> None:
        self._lab = lab
        self._name = name
        self.subscriber = subscriber
        self._messages: list[Planned] = []
        self._acts: list[HandIn] = []
        self._told: list[Told] = []

    @property
    def key(self) -> str:
        """An idempotency key that nobody else uses."""
        return self._name

    def handset(self, number: int) -> str:
        """Whom its message of this number goes to: nobody else does."""
        return f"+1415{2000 + int(self._name.rpartition(' ')[2])}{number:03d}"

    async def hand_in(self, door: Door = "rest", **fields: Any) -> Planned:
        """One more message; returns when a client was told that it is taken, or not."""
        number = len(self._messages)
        tenant = TENANTS[fields.pop("tenant", "patient")]
        message = Planned(
            number=number,
            organization=tenant.name,
            on_unknown=tenant.on_unknown,
            sender=tenant.numbers[fields.pop("provider", "vonage")][0],
            to=self.handset(number),
            text=f"{self._name} message {number}",
            **fields,
        )
        self._messages.append(message)
        self._acts.append(HandIn(0.0, number, door))
        self._told.append(await self._handed_in(message, door))
        return message

    async def _handed_in(self, message: Planned, door: Door) -> Told:
        world = self._lab.world
        if door == "rest":
            async with aiohttp.ClientSession() as session:
                return await Caller(session, world, DEADLINE).send(message)
        producer = PlainProducer(world.kafka, TENANTS[message.organization].topic)
        taken = await producer.send(message)
        await asyncio.to_thread(producer.close)
        return Told(time.time(), message.number, What.PRODUCED if taken else What.UNSURE)

    async def until(self, message: Planned, *states: str, seconds: float = DEADLINE) -> None:
        """Wait until the status topic has said that a message is in one of these states."""
        if not await self.subscriber.until(lambda: message.text in self.subscriber.texts(*states), seconds):
            told = {story.text: story.last.status for story in self.subscriber.stories.values()}
            raise TimeoutError(f"{message.text!r} is {told.get(message.text)}, not {states}")

    async def arrived(self, message: Planned, many: int) -> None:
        """Wait until its handset has it so many times."""

        async def look() -> bool:
            return sum(text.text == message.text for text in await gather.texts(self._lab.world)) >= many

        await eventually(look)

    async def verdict(self) -> Verdict:
        """What the checker says now of these messages."""
        await self._lab.drained()
        plan = Plan(0, tuple(self._messages), tuple(self._acts))
        stories = [s for s in self.subscriber.stories.values() if s.text.startswith(f"{self._name} ")]
        ids = {story.message_id for story in stories}
        texts = [t for t in await gather.texts(self._lab.world) if t.text.startswith(f"{self._name} ")]
        logs = Logs(
            told=self._told,
            texts=texts,
            status=[said for said in self.subscriber.log if said.message_id in ids],
            api=await gather.answers(self._lab.world, stories),
        )
        return check(plan, logs)


async def eventually(look: Callable[[], Awaitable[Any]], pause: float = _LOOK_SECONDS) -> Any:
    """Look at another process until there is something to see; what it is."""
    ends = time.monotonic() + DEADLINE
    while not (found := await look()):
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {DEADLINE:g} s")
        await asyncio.sleep(pause)
    return found


@contextmanager
def lab(home: Path) -> Iterator[Lab]:
    """A laboratory with its state in `home`."""
    file = home / "orders.json"
    stack = Stack(
        home,
        settings=settings(),
        argv={**orders.argv(COPIES), SIMULATOR: simulator(home)},
        env=orders.env(file, COPIES),
        copies=COPIES,
        jvm=QUICK_JVM,
        documented_ports=False,
    )
    with stack:
        for service in COPIES:
            stack.keeper(f"{service}-2").hold_down()
        made = Lab(stack, file)
        made.world = asyncio.run(enter(stack.run))
        yield made
