"""Two lanes of one slow number on the real broker: immediate messages do not wait behind queued ones."""

import pytest

from broker import clients
from schemas.lanes import Lane
from tests.broker.dispatchers.bench import Bench

pytestmark = pytest.mark.broker
BACKLOG = 200


async def test_an_immediate_message_overtakes_two_hundred_queued_ones(bench: Bench) -> None:
    bench.rate = 1.0
    topics = await bench.lanes()
    async with (
        bench.dispatcher() as dispatcher,
        clients.producer(bench.kafka) as producer,
        dispatcher.reading(*topics.values()),
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
