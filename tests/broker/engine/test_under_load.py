"""Restarts and joins under load: nothing lost, nothing passed on twice without need, no row wrong."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from tests.broker.engine.bench import Bench

pytestmark = pytest.mark.broker
PER_SECOND = 300


async def test_rolling_restarts(bench: Bench) -> None:
    await bench.make_topics()
    # Who is thrown out of the group by a machine that stood still is not restarted in order: it may repeat.
    workers = [await bench.ready_worker(session_seconds=20.0) for _ in range(2)]
    async with bench.feeding(PER_SECOND) as feed:
        for worker in workers * 2:
            await bench.until_fed(feed, 100)
            await worker.finish()
            worker.log.unlink()
            worker.start()
            await worker.ready()
    await bench.all_committed()
    print(f"rolling restarts: {feed.sent} records")
    for worker in workers:
        assert worker.alive, worker.tail()
    assert await bench.lost() == []
    assert await bench.repeats() == 0
    assert await bench.wrong_rows() == {}


async def test_a_second_worker_joins_a_new_group(bench: Bench) -> None:
    await bench.make_topics()
    async with bench.feeding(PER_SECOND) as feed:
        await bench.ready_worker()
        await bench.ready_worker()
        await bench.until_fed(feed, 100)
    await bench.all_committed()
    print(f"join: {feed.sent} records")
    assert await bench.lost() == []
    assert await bench.repeats() == 0
    assert await bench.wrong_rows() == {}


async def test_kills(bench: Bench) -> None:
    await bench.make_topics()
    workers = [await bench.ready_worker(), await bench.ready_worker()]
    async with bench.feeding(PER_SECOND) as feed:
        for worker in workers:
            await bench.until_fed(feed, 100)
            await asyncio.to_thread(worker.kill)
            worker.log.unlink()
            worker.start()
            await worker.ready()
    await bench.all_committed()
    print(f"kills: {feed.sent} records, {await bench.repeats()} passed on again")
    assert await bench.lost() == []
    assert await bench.wrong_rows() == {}


@pytest.fixture
def broker(tmp_path: Path, jar_cache: Path) -> Iterator[Kafka]:
    """A broker of its own, to restart."""
    kafka = Kafka(tmp_path / "kafka", port=choose(), controller_port=choose(), cache=jar_cache, jvm=QUICK_JVM)
    kafka.start()
    try:
        kafka.wait_ready()
        yield kafka
    finally:
        kafka.stop()


async def test_restarts_of_the_broker(broker: Kafka, tmp_path: Path) -> None:
    async with Bench(broker.bootstrap_servers, tmp_path) as bench:
        await bench.make_topics()
        worker = await bench.ready_worker()
        async with bench.feeding(PER_SECOND) as feed:
            for end in (broker.stop, broker.kill):
                await bench.until_fed(feed, 100)
                await asyncio.to_thread(end)
                await asyncio.to_thread(broker.start)
                await asyncio.to_thread(broker.wait_ready)
            await bench.until_fed(feed, 100)
        await bench.all_committed()
        print(f"broker: {feed.sent} records, {await bench.repeats()} passed on again")
        assert worker.alive
        assert await bench.lost() == []
        assert await bench.wrong_rows() == {}
