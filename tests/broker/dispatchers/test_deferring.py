"""A long line behind a slow number, on the real ledger and broker: it waits in Kafka, and holds up nobody.

`HELIO_TEST_DEFERRED=100000` makes it longer; with `-s` it says how fast it was read and deferred.
"""

import os
from time import monotonic, process_time

import pytest

from broker import clients
from schemas import topics
from schemas.lanes import Lane
from schemas.tasks import Task
from schemas.waiting import Ticket
from tests.broker.dispatchers.bench import OTHER, Bench, now

pytestmark = pytest.mark.broker
MANY = int(os.environ.get("HELIO_TEST_DEFERRED", "3000"))
MINUTE = 60_000


async def test_what_lies_behind_a_slow_number_waits_for_its_turn_and_another_goes_at_once(
    bench: Bench,
) -> None:
    bench.rate = 1.0
    lanes = await bench.lanes()
    valid_until = now() + 50 * MINUTE
    async with clients.producer(bench.kafka) as producer:
        for _ in range(MANY):
            task = bench.task(valid_until=valid_until, forget_at=2 * valid_until)
            await producer.send(lanes[Lane.QUEUED], task.encode())
        other = bench.task(sender=OTHER)
        await producer.send_and_wait(lanes[Lane.QUEUED], other.encode())
        began, cpu = monotonic(), process_time()
        async with bench.dispatcher() as dispatcher, dispatcher.reading(lanes[Lane.QUEUED]):
            posts = bench.provider.posts
            await bench.until(
                lambda: any(post.task.message_id == other.message_id for post in posts), seconds=120
            )
            took, cpu, before = monotonic() - began, process_time() - cpu, len(posts)
            await bench.until(lambda: len(bench.waiting()) >= MANY - 100, seconds=120)
            # 20 s of the number, and what is in flight; those that are deferred last stand there till then.
            await bench.until(lambda: sum(map(len, dispatcher.window.lines())) <= 25, seconds=120)
            at_hand = sum(map(len, dispatcher.window.lines()))
    print(f"{MANY} tasks were read and deferred in {took:.1f} s, with {cpu / MANY * 1e6:.0f} us of CPU each")
    assert before < 100, "of the slow number's tasks only some were before it"
    waiting = [(Ticket.read(one.headers), Task.decode(one.value)) for one in bench.waiting()]
    assert len(waiting) + len(posts) + at_hand >= MANY
    assert len({task.message_id for _, task in waiting}) == len(waiting)
    assert {ticket.key.decode() for ticket, _ in waiting} == {bench.sender}
    assert {ticket.topic for ticket, _ in waiting} == {topics.dispatch(other.provider, Lane.QUEUED)}
    assert all(task.record and task.record.topic == lanes[Lane.QUEUED] for _, task in waiting)
    assert all(ticket.due <= task.valid_until + 1 for ticket, task in waiting)
    # A second from each other; who stands behind all places comes back before the last, and asks again.
    placed = sorted(ticket.due for ticket, task in waiting if task.turn)
    assert 1000 < len(placed) < 1200
    assert placed[-1] - placed[0] >= 900 * (len(placed) - 1)
    assert min(ticket.due for ticket, task in waiting if not task.turn) < placed[-1]
