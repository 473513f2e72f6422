"""`python -m notifiers` on a real broker: killed between any two steps, it loses no event."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiokafka import TopicPartition

from broker import clients
from broker.publish import Publish
from cli.local.child import Child
from schemas import ids, topics
from schemas.failpoints import Point
from schemas.settings import KafkaSettings
from schemas.status import State
from tests.broker.notifiers.services import (
    PARTITIONS,
    service,
    subscription,
    transitions,
)
from tests.unit.notifiers.receiving import Receiver, receiving

pytestmark = pytest.mark.broker
DEADLINE = 90
NOTIFIERS, DYING, MOVER = ("notifiers",), ("tests.broker.notifiers.dying",), ("streams", "waiting")
STEPS = (State.QUEUED, State.SENT, State.DELIVERED)
QUICK = {"HELIO_NOTIFIERS__RETRY_FIRST_SECONDS": "0.2"}


@asynccontextmanager
async def running(*children: Child) -> AsyncIterator[None]:
    """The processes, each started again whenever it dies, until the block ends."""

    async def keep(child: Child) -> None:
        while True:
            if not child.alive:
                child.start()
            await asyncio.sleep(0.1)

    keeping = [asyncio.create_task(keep(child)) for child in children]
    try:
        yield
    finally:
        for task in keeping:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for child in children:
            await asyncio.to_thread(child.stop)


def messages(name: str, count: int) -> list[str]:
    return [ids.of_key(name, str(n)) for n in range(count)]


def expected(names: Sequence[str], to: str) -> set[str]:
    return {
        ids.of_notification(ids.of_transition(name, n + 1), to) for name in names for n in range(len(STEPS))
    }


def in_order(receiver: Receiver) -> bool:
    """Whether each message's events came in their order, repeats aside."""
    seen: dict[str, int] = {}
    for one in receiver.got:
        data = one.event["data"]
        if data["sequence"] > seen.get(data["message_id"], 0) + 1:
            return False
        seen[data["message_id"]] = max(seen.get(data["message_id"], 0), data["sequence"])
    return True


async def behind(kafka: KafkaSettings) -> int:
    """How many records of the service's topics are not committed."""
    partitions = [
        TopicPartition(topic, n)
        for topic in (topics.STATUS, topics.INBOUND, topics.NOTIFICATIONS)
        for n in range(PARTITIONS)
    ]
    async with clients.admin(kafka) as admin, clients.reader(kafka) as reader:
        ends = await reader.end_offsets(partitions)
        found = await admin.list_consumer_group_offsets(topics.NOTIFIERS_GROUP)
    return sum(end - max(0, found[tp].offset if tp in found else 0) for tp, end in ends.items())


async def all_committed(kafka: KafkaSettings) -> None:
    async with asyncio.timeout(DEADLINE):
        while await behind(kafka):  # noqa: ASYNC110  the broker is asked, it tells nobody
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("point", [Point.NOTIFIER_ANSWERED, Point.NOTIFIER_PUT_OFF, Point.NOTIFIER_DONE])
async def test_killed_between_two_steps_it_loses_nothing(
    point: Point, kafka_settings: KafkaSettings, publish: Publish, tmp_path: Path
) -> None:
    failed: set[str] = set()

    async def once_unwell(request: web.Request) -> web.StreamResponse:
        # Each fifth event fails at first, so that some are put off.
        name = request.headers["webhook-id"]
        if int(name[:2], 16) % 5 == 0 and name not in failed:
            failed.add(name)
            return web.Response(status=500)
        return web.Response(status=204)

    env = {
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
        "DIES_AT": point,
        "DIED": str(tmp_path / "died"),
        **QUICK,
    }
    child = service(DYING, tmp_path, 1, env)
    name = f"kill-{point.value.replace('.', '-')}"
    told = messages(name, 40)
    async with receiving(once_unwell) as receiver:
        await publish([subscription(name, receiver.url)])
        mover = service(MOVER, tmp_path, 1, env)
        async with running(child, mover):
            for step in zip(*(transitions(one, *STEPS) for one in told), strict=True):  # by turns
                await publish(step)
            wanted = expected(told, name)
            await receiver.until(lambda: wanted <= {one.id for one in receiver.got})
            await all_committed(kafka_settings)
        assert (tmp_path / "died").exists()
        assert {one.id for one in receiver.got} == wanted
        await publish([subscription(name, receiver.url, 2, status="suspended")])
