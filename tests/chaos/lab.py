"""One stack for many small experiments: what a service starts with, where it dies, and what is seen of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
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
from tests.chaos.orders import At, Do, Done, Orders
from tests.chaos.world import TENANTS, World, enter, hasty, settings, simulator

#: Longer than anything takes that works; a machine under load is slow.
DEADLINE: Final = 60.0
_LOOK_SECONDS: Final = 0.05
#: With experiments in them dispatchers are in a hurry, and policies act before a provider is asked; otherwise
#: they wait for a slow machine, so that nothing becomes unknown that nobody broke.
HASTY: Final = {f"HELIO_DISPATCH__{name.upper()}": str(value) for name, value in hasty(10.0).items()}
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

    def number(self) -> int:
        """One that nobody else has got."""
        return next(self._ids)

    # -- what processes are told

    async def start(self, name: str, *without: str) -> None:
        """Start a service anew, with these guards left out."""
        self._order(name, Orders(without=without, env=HASTY))
        await asyncio.to_thread(self.stack.child(name).stop)
        await self.ready(name)

    async def ready(self, name: str) -> None:
        """Wait until it is, also after a kill."""
        await asyncio.to_thread(self.stack.keeper(name).wait_ready, DEADLINE)

    async def restarted(self, name: str, before: int) -> None:
        """Wait until it has ended by itself: more restarts than `before`."""

        async def look() -> bool:
            return self.stack.keeper(name).restarts > before

        await eventually(look, what=f"the end of {name}")

    @asynccontextmanager
    async def another(self, name: str) -> AsyncIterator[None]:
        """A second process of a dispatcher, within the block."""
        keeper = self.stack.keeper(f"{name}-2")
        self._order(keeper.name, Orders(env=HASTY))
        keeper.let_up()
        await self.ready(keeper.name)
        try:
            yield
        finally:
            await asyncio.to_thread(keeper.hold_down)

    def at(self, name: str, point: Point, do: Do) -> "Ordered":
        """Have it killed or stopped when it comes to a point."""
        order = At(point, do, 1, f"lab-{self.number()}")
        self._order(name, replace(self._orders[name], at=(order,)))
        return Ordered(self._file, order)

    async def kill(self, name: str, *without: str) -> None:
        """SIGKILL; it comes back with these guards left out."""
        self._order(name, Orders(without=without, env=HASTY))
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

    async def drained(self) -> None:
        """Wait until the streams have committed all that there is: what they will say, they have said."""
        for group, names in WAY:
            ends = await self.ends(names)
            await self.reached(group, ends)

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

    async def reached(self, group: str, ends: Mapping[TopicPartition, int]) -> None:
        """Wait until a group has committed so much."""

        async def look() -> bool:
            now = await self.committed(group)
            return all(now.get(partition, 0) >= end for partition, end in ends.items())

        await eventually(look, what=f"the commits of {group}")

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

        found: Done = await eventually(look, pause=0.005, what=f"{self._order.do} at {self._order.point}")
        return found


async def eventually(
    look: Callable[[], Awaitable[Any]], pause: float = _LOOK_SECONDS, what: str = "what is waited for"
) -> Any:
    """Look at another process until there is something to see; what it is."""
    ends = time.monotonic() + DEADLINE
    while not (found := await look()):
        if time.monotonic() > ends:
            raise TimeoutError(f"{what}: not within {DEADLINE:g} s")
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
