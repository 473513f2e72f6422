"""Request topics of one organization: intake follows the directory and the cluster, under load."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from broker import clients
from broker.topics import make
from directory.apply import apply
from ingress import intake
from schemas import topics
from schemas.messages import Message
from schemas.settings import IntakeSettings, Settings
from tests.broker.ingress.reading import DEADLINE_SECONDS, Reading
from tests.fakes import world

pytestmark = pytest.mark.broker
INITECH, NUMBER = "initech", "+16465550133"
TOPIC = topics.requests_of(INITECH)


async def directory(settings: Settings, *, own_topic: bool) -> None:
    """Say that initech has a topic of its own, or not."""
    text = f"""
organizations:
  {INITECH}:
    defaults: {{own_topic: {str(own_topic).lower()}}}
    numbers: {{"{NUMBER}": {{account: tw}}}}
    assistants: {{initech: {{name: Initech, numbers: ["{NUMBER}"]}}}}
"""
    await apply(settings.kafka, text, now=1)


async def configured(settings: Settings, **configs: str) -> None:
    wanted = {**next(topics.own([INITECH])).configs(), **configs}
    async with clients.admin(settings.kafka) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, wanted)])


@asynccontextmanager
async def members(settings: Settings, count: int) -> AsyncIterator[None]:
    """So many processes' insides, of one group."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        made = [await intake.start(settings, stack) for _ in range(count)]
        tasks = [asyncio.create_task(one.run(stop)) for one in made]
        try:
            yield
            assert not [task for task in tasks if task.done()]
        finally:
            stop.set()
            await asyncio.gather(*tasks)


class Load:
    """Producers that go on: one text after the other on each topic, each with a number."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self.sent: dict[str, int] = {}

    async def send(self, topic: str, sender: str, count: int = 1) -> None:
        for _ in range(count):
            number = self.sent[topic] = self.sent.get(topic, 0) + 1
            body = {
                "from_phone_number": sender,
                "to_phone_number": world.HANDSET,
                "message": f"{topic} {number}",
                "organization": "acme",
            }
            await self._producer.send_and_wait(topic, json.dumps(body).encode(), partition=number % 4)

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop: on the common topic, and on globex' own."""
        while not stop.is_set():
            await self.send(topics.REQUESTS, world.TWILIO)
            await self.send(topics.requests_of("globex"), world.OTHERS)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def load(settings: Settings) -> AsyncIterator[Load]:
    async with clients.producer(settings.kafka) as producer:
        made, stop = Load(producer), asyncio.Event()
        running = asyncio.create_task(made.run(stop))
        try:
            yield made
        finally:
            stop.set()
            await running


#: What each organization's texts begin with here; other tests of this broker let in others.
BEGINS = {"acme": topics.REQUESTS, "globex": topics.requests_of("globex"), INITECH: TOPIC}


def texts(found: Reading, organization: str) -> list[str]:
    begins = f"{BEGINS[organization]} "
    mine = [one.content.text for one in found.messages() if one.organization == organization]
    return [text for text in mine if text.startswith(begins)]


def has(organization: str, count: int, found: Reading) -> bool:
    return len(texts(found, organization)) >= count


async def goes_on(found: Reading) -> None:
    """The other topics are read as before."""
    before = {one: len(texts(found, one)) for one in ("acme", "globex")}
    for organization, count in before.items():
        await found.until(partial(has, organization, count + 20))


async def test_intake_follows_the_directory_and_the_cluster(settings: Settings, reading: Reading) -> None:
    # No route runs that would commit what is let in.
    settings = settings.model_copy(update={"intake": IntakeSettings(owner="acme", max_ahead=1_000_000)})
    async with members(settings, 2):
        async with load(settings) as others:
            await goes_on(reading)
            # Named, but missing: nobody is disturbed.
            await directory(settings, own_topic=True)
            await goes_on(reading)
            # Made otherwise than it must be: not read.
            (wanted,) = topics.own([INITECH])
            await make(settings.kafka, settings.topics, [wanted])
            await configured(settings, **{"message.timestamp.type": "CreateTime"})
            await others.send(TOPIC, NUMBER, 5)
            await goes_on(reading)
            # Mended: read, from its start.
            await configured(settings)
            await reading.until(partial(has, INITECH, 5))
            await others.send(TOPIC, NUMBER, 50)
            await reading.until(partial(has, INITECH, 55))
            # Taken back: what comes then stays where it is.
            await directory(settings, own_topic=False)
            await left(settings)
            await others.send(TOPIC, NUMBER, 7)
            await goes_on(reading)
            assert len(texts(reading, INITECH)) == 55
            # Given back: read on from there.
            await directory(settings, own_topic=True)
            await reading.until(partial(has, INITECH, 62))
            await goes_on(reading)
        await reading.until(lambda found: everything(found, others.sent))
    # No record was lost, and none was read twice: all was committed before each change.
    for organization, topic in BEGINS.items():
        numbers = sorted(int(text.rpartition(" ")[2]) for text in texts(reading, organization))
        assert numbers == list(range(1, others.sent[topic] + 1))
    assert all(isinstance(one, Message) for one in reading.messages())
    assert reading.dead() == []


def everything(found: Reading, sent: dict[str, int]) -> bool:
    return all(has(organization, sent[topic], found) for organization, topic in BEGINS.items())


async def left(settings: Settings) -> None:
    """Return when the group shares out nothing of the topic."""
    async with asyncio.timeout(DEADLINE_SECONDS), clients.admin(settings.kafka) as admin:
        while True:
            (response,) = await admin.describe_consumer_groups([topics.INTAKE_GROUP])
            (group,) = response.groups  # error, name, state, kind, protocol, members, ...
            if group[2] == "Stable" and TOPIC not in str(group[5]):
                return
            await asyncio.sleep(0.1)
