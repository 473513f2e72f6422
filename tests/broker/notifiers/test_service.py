"""`python -m notifiers` on a real broker: killed between any two steps, it loses no event."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiokafka import TopicPartition

from broker import clients
from broker.publish import Outgoing, Publish
from cli.local.child import Child
from directory.replica import Replica
from schemas import ids, topics
from schemas.directory import Active, Subscription
from schemas.failpoints import Point
from schemas.settings import KafkaSettings
from schemas.status import State
from tests.broker.notifiers.services import (
    PARTITIONS,
    service,
    subscription,
    transitions,
)
from tests.fakes.receiving import Receiver, hangs, receiving, status

pytestmark = pytest.mark.broker
DEADLINE = 120
NOTIFIERS, DYING, MOVER = ("notifiers",), ("tests.broker.notifiers.dying",), ("streams", "waiting")
STEPS = (State.QUEUED, State.SENT, State.DELIVERED)
SWITCHED_OFF = "subscription.switched_off"
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


def ids_of(receiver: Receiver) -> set[str]:
    return {one.id for one in receiver.got}


def dies_at(folder: Path, *points: Point) -> dict[str, str]:
    """What has `DYING` die at these, once each; `died` in the folder says at which it has."""
    died = folder / "died"
    died.mkdir()
    return {"DIES_AT": " ".join(points), "DIED": str(died)}


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


async def test_killed_between_any_two_steps_it_loses_nothing_and_keeps_the_order(
    kafka_settings: KafkaSettings, publish: Publish, tmp_path: Path
) -> None:
    """One endpoint takes all at once; of the other's events some are put off, so their order is nobody's."""
    failed: set[str] = set()

    async def once_unwell(request: web.Request) -> web.StreamResponse:
        # Each fifth event fails at first, so that some are put off.
        name = request.headers["webhook-id"]
        if int(name[:2], 16) % 5 == 0 and name not in failed:
            failed.add(name)
            return web.Response(status=500)
        return web.Response(status=204)

    points = (Point.NOTIFIER_ANSWERED, Point.NOTIFIER_PUT_OFF, Point.NOTIFIER_DONE)
    env = {**dies_at(tmp_path, *points), "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers}
    told = messages("killed", 30)
    async with receiving(once_unwell) as unwell, receiving() as well:
        await publish([subscription("unwell", unwell.url), subscription("well", well.url)])
        mover = service(MOVER, tmp_path, 1, env)
        async with running(service(DYING, tmp_path, 1, {**env, **QUICK}), mover):
            for step in zip(*(transitions(one, *STEPS) for one in told), strict=True):  # by turns
                await publish(step)
            await unwell.until(lambda: expected(told, "unwell") <= ids_of(unwell))
            await well.until(lambda: expected(told, "well") <= ids_of(well))
            await all_committed(kafka_settings)
        assert {path.name for path in (tmp_path / "died").iterdir()} == set(points)
        assert ids_of(unwell) == expected(told, "unwell")
        assert ids_of(well) == expected(told, "well")
        assert in_order(well)
        await publish(
            [
                subscription(name, one.url, 2, status="suspended")
                for name, one in (("unwell", unwell), ("well", well))
            ]
        )


async def test_who_is_gone_is_switched_off_and_the_others_are_told_whatever_dies_and_without_a_ledger(
    kafka_settings: KafkaSettings, publish: Publish, tmp_path: Path
) -> None:
    env = {
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
        "HELIO_REDIS__URL": "redis://127.0.0.1:9/0",
        **dies_at(tmp_path, Point.NOTIFIER_SWITCHED_OFF),
    }
    [message] = messages("gone", 1)
    async with receiving(status(410)) as gone, receiving() as other, Replica(kafka_settings) as replica:
        await publish([subscription("gone", gone.url), subscription("other", other.url)])
        async with running(service(DYING, tmp_path, 1, env)):
            await publish(transitions(message, State.QUEUED))
            await other.until(lambda: any(one.event["type"] == SWITCHED_OFF for one in other.got))
            await all_committed(kafka_settings)
        assert any((tmp_path / "died").iterdir())
        told = [one for one in other.got if one.event["type"] == SWITCHED_OFF]
        assert len({one.id for one in told}) == 1
        data = told[0].event["data"]
        assert (data["subscription"], data["detail"]) == ("gone", "its endpoint answered 410 Gone")
        found = replica.directory.live["subscription", "gone"]
        assert isinstance(found, Subscription)
        assert (found.status, found.switched_off_at) == (Active.SUSPENDED, data["at"])
        assert replica.directory.version("subscription", "gone") == 2
        await publish([subscription("other", other.url, 2, status="suspended")])


async def test_a_stop_finishes_tries_and_commits_them_and_what_cannot_be_read_is_buried(
    kafka_settings: KafkaSettings, publish: Publish, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    env = {
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
        "HELIO_KAFKA__COMMIT_INTERVAL_SECONDS": "3600",
        "HELIO_NOTIFIERS__TIMEOUT_SECONDS": "60",
    }
    told = messages("stop", 3)
    async with receiving(hangs(gate)) as receiver:
        await publish([subscription("stop", receiver.url)])
        child = service(NOTIFIERS, tmp_path, 1, env)
        child.start()
        try:
            for topic in (topics.STATUS, topics.INBOUND, topics.NOTIFICATIONS):
                await publish([Outgoing(topic, b"k", b"{nonsense")])
            for topic in (topics.STATUS, topics.INBOUND, topics.NOTIFICATIONS):
                await buried(kafka_settings, topics.dead_letters(topic))
            await publish([record for one in told for record in transitions(one, State.QUEUED)])
            await receiver.count(3)
            assert child.pid is not None
            os.kill(child.pid, signal.SIGTERM)
            gate.set()
            await asyncio.to_thread(child.stop)
        finally:
            await asyncio.to_thread(child.stop)
        assert child.exit_code == 0
        assert await behind(kafka_settings) == 0
        assert len(receiver.got) == 3
        await publish([subscription("stop", receiver.url, 2, status="suspended")])


async def buried(kafka: KafkaSettings, letters: str) -> None:
    """Once a dead letter lies there."""
    async with asyncio.timeout(DEADLINE), clients.reader(kafka) as reader:
        reader.assign([TopicPartition(letters, n) for n in range(PARTITIONS)])
        record = await reader.getone()
        assert record.value == b"{nonsense"
