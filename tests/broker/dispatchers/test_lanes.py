"""Two lanes of one slow number on the real broker: immediate messages do not wait behind queued ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from broker import clients
from dispatchers.deferring import Deferring
from dispatchers.reader import Reader
from schemas.messages import Lane
from tests.broker.dispatchers.bench import Bench, Dispatcher

pytestmark = pytest.mark.broker
BACKLOG = 200


@asynccontextmanager
async def consumed(bench: Bench, dispatcher: Dispatcher, topics: list[str]) -> AsyncIterator[None]:
    """Tasks are read from `topics` as long as the block runs."""
    consumer = clients.group_consumer(bench.kafka, f"g-{topics[0]}")
    deferring = Deferring(dispatcher.window, dispatcher.tools, dispatcher.hand_over.add_voids)
    reader = Reader(
        consumer,
        dispatcher.window,
        dispatcher.hand_over,
        deferring,
        publish=bench.publish,
        now=bench.now,
        ask=lambda line, offset, _: line.finish(offset),
        release_seconds=1,
    )
    consumer.subscribe(topics, listener=reader)
    await consumer.start()
    running = [asyncio.create_task(work) for work in (reader.read(), deferring.run(), deferring.sweep())]
    try:
        yield
    finally:
        for work in running:
            work.cancel()
        for ended in await asyncio.gather(*running, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended
        await consumer.stop()


async def test_an_immediate_message_overtakes_two_hundred_queued_ones(bench: Bench) -> None:
    bench.rate = 1.0
    name = uuid4().hex[:8]
    topics = {lane: f"sms.dispatch.t{name}.{lane}.v1" for lane in Lane}
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics(
        [NewTopic(topic, num_partitions=1, replication_factor=1) for topic in topics.values()]
    )
    await admin.close()
    async with (
        bench.dispatcher() as dispatcher,
        clients.producer(bench.kafka) as producer,
        consumed(bench, dispatcher, list(topics.values())),
    ):
        window = dispatcher.window
        for _ in range(BACKLOG):
            await producer.send(topics[Lane.QUEUED], bench.task().encode())
        await producer.flush()
        # All of the backlog is at hand or waits for its turn, and the number is at work on it.
        await bench.until(
            lambda: (
                sum(map(len, window.lines())) + len(bench.provider.posts) + len(bench.waiting()) >= BACKLOG
            )
        )
        await bench.until(lambda: bench.provider.posts)
        urgent = bench.task(lane=Lane.IMMEDIATE)
        await producer.send_and_wait(topics[Lane.IMMEDIATE], urgent.encode())
        # From when it has been read, at most one that has its slot already is before it.
        await bench.until(
            lambda: any(len(line) for line in window.lines() if ".immediate." in line.partition[0])
        )
        before = len(bench.provider.posts)
        await bench.until(lambda: urgent.message_id in [p.task.message_id for p in bench.provider.posts])
    order = [post.task.message_id for post in bench.provider.posts]
    assert before < BACKLOG / 2, "the number was too quick for this to say anything"
    assert order.index(urgent.message_id) <= before + 1
