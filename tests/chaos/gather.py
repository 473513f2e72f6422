"""Collects three of the four logs from a running stack, as anybody outside could."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition

from broker import clients
from schemas import topics
from schemas.settings import KafkaSettings
from tests.chaos.logs import Said, Text, Transition
from tests.chaos.stories import Story
from tests.chaos.world import TENANTS, World

DEAD: Final = [
    topics.dead_letters_of(kind) for kind in ("requests", "messages", "dispatch", "waiting", "events")
]
_AT_ONCE: Final = 32
#: A broker that is well gives everything within this.
READ_SECONDS: Final = 120.0


class Subscriber:
    """Follows `sms.status.v1`: every record as it came, and the stories that they make."""

    def __init__(self, kafka: str) -> None:
        self._kafka = KafkaSettings(bootstrap_servers=kafka)
        self._moved = asyncio.Event()
        self.log: list[Transition] = []
        self.stories: dict[str, Story] = {}

    async def follow(self) -> None:
        """For ever, from the beginning."""
        async with clients.reader(self._kafka) as consumer:
            every = await partitions(consumer, [topics.STATUS])
            consumer.assign(every)
            await consumer.seek_to_beginning(*every)
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        self._add(Transition(record.value.decode()))

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until `done`, looked at after each record; False if that took longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def texts(self, *statuses: str) -> set[str]:
        """The texts of the messages that are in one of these states."""
        return {story.text for story in self.stories.values() if story.last.status in statuses}

    def _add(self, found: Transition) -> None:
        self.log.append(found)
        self.stories.setdefault(found.message_id, Story(found.message_id)).add(found)
        self._moved.set()


async def texts(world: World) -> list[Text]:
    """What all handsets have got."""
    async with aiohttp.ClientSession() as session, session.get(f"{world.simulator}/handsets") as response:
        return [Text.shown(text) for text in (await response.json())["texts"]]


async def answers(world: World, stories: Sequence[Story], *, rounds: int = 5) -> list[Said]:
    """What the API says of each message; when this returns it is what `stories` say, or differs to the end.

    Messages move on while thousands are asked about: a sent one without a receipt is looked up after ten
    minutes, and is delivered then. Whoever has moved meanwhile is asked again.
    """
    found: dict[str, Said] = {}
    for _ in range(rounds):
        moved = [s for s in stories if s.message_id not in found or _differs(found[s.message_id], s)]
        if not moved:
            break
        found |= {said.message_id: said for said in await _answers(world, moved)}
    return list(found.values())


def _differs(said: Said, story: Story) -> bool:
    return said.code != 200 or said.body.get("state") != story.last.status


async def _answers(world: World, stories: Iterable[Story], *, tries: int = 50) -> list[Said]:
    """What the API says of each of these, once its view has caught up with what subscribers saw."""
    limit = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession() as session:

        async def ask(story: Story) -> Said:
            for attempt in range(tries):
                if attempt:
                    await asyncio.sleep(0.2)  # the view follows the topic at its own pace
                async with limit:
                    said = await _get(session, world, story)
                if not _differs(said, story):
                    break
            return said

        return list(await asyncio.gather(*map(ask, stories)))


async def _get(session: aiohttp.ClientSession, world: World, story: Story) -> Said:
    tenant = TENANTS[str(story.last.record["organization"])]
    url = f"{world.ingress}/sms/{story.message_id}"
    try:
        async with session.get(url, headers={"Authorization": f"Bearer {tenant.api_key}"}) as response:
            return Said(story.message_id, response.status, json.loads(await response.text()))
    except (aiohttp.ClientError, TimeoutError) as error:
        return Said(story.message_id, 0, {"detail": repr(error)})


async def dead(world: World) -> list[str]:
    """The values of all dead letters."""
    return [value.decode(errors="replace") for value in await read_all(world.kafka, DEAD)]


async def read_all(kafka: str, names: Iterable[str]) -> list[bytes]:
    """The values of some topics up to their ends as they are now."""
    found: list[bytes] = []
    async with clients.reader(KafkaSettings(bootstrap_servers=kafka)) as consumer:
        every = await partitions(consumer, names)
        ends = await consumer.end_offsets(every)
        left = {one for one in every if ends[one] > 0}
        consumer.assign(every)
        await consumer.seek_to_beginning(*every)
        until = time.monotonic() + READ_SECONDS
        while left:
            if time.monotonic() > until:
                raise TimeoutError(f"not read to their ends within {READ_SECONDS:g} s: {sorted(left)}")
            for one, records in (await consumer.getmany(*left, timeout_ms=500)).items():
                found += [record.value or b"" for record in records if record.offset < ends[one]]
            left = {one for one in left if await consumer.position(one) < ends[one]}
    return found


async def partitions(consumer: AIOKafkaConsumer, names: Iterable[str]) -> list[TopicPartition]:
    """All partitions of some topics."""
    cluster: Any = await consumer._client.fetch_all_metadata()  # the only way to learn them without a group
    return [
        TopicPartition(name, n) for name in names for n in sorted(cluster.partitions_for_topic(name) or ())
    ]
