"""A long line comes due at once: the mover takes all of it on, each record once, in batches.

`HELIO_TEST_MOVED=100000` makes it longer; with `-s` it says how fast it moved.
"""

import os
import time

import pytest

from broker import clients
from broker.publish import publisher
from schemas.settings import KafkaSettings
from schemas.waiting import Ticket
from tests.broker.streams.test_waiting import Place
from tests.conftest import Broker

pytestmark = pytest.mark.broker
MANY = int(os.environ.get("HELIO_TEST_MOVED", "3000"))


async def test_a_long_line_moves_on(kafka: Broker) -> None:
    place = Place(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
    await place.create()
    ticket = Ticket(due=0, topic=place.target, key=b"+15550001")
    async with clients.producer(place.kafka, linger_ms=5) as producer:
        sent = [
            await producer.send(place.waiting, b"x" * 500, b"%d" % n, headers=ticket.headers())
            for n in range(MANY)
        ]
        for one in sent:
            await one
        began, cpu = time.monotonic(), time.process_time()
        async with place.mover(publisher(producer)):
            moved = await place.wait_for(place.target, lambda records: len(records) >= MANY)
            took, cpu = time.monotonic() - began, time.process_time() - cpu
    print(
        f"{MANY} records moved in {took:.1f} s, {cpu / MANY * 1e6:.0f} us of CPU each, reading them included"
    )
    assert len({(record.partition, record.offset) for record in moved}) == len(moved) == MANY
    assert {record.key for record in moved} == {ticket.key}
