"""What must not be passed over: a record that cannot be sent, and one that cannot be handled."""

import pytest

from streams.engine import Exit
from tests.broker.engine.bench import Bench

pytestmark = pytest.mark.broker
BEFORE = [f"fact {i}" for i in range(40)]


async def test_a_record_that_the_broker_refuses_ends_the_process_uncommitted(bench: Bench) -> None:
    await bench.make_topics()
    await bench.feed([*BEFORE, "large"])
    worker = bench.worker()
    assert await worker.ended() == Exit.SEND
    assert sum((await bench.committed()).values()) < len(BEFORE) + 1


async def test_without_waiting_for_deliveries_that_record_is_lost(bench: Bench) -> None:
    await bench.make_topics()
    await bench.feed([*BEFORE, "large"])
    await bench.ready_worker(without=["delivery"])
    await bench.all_committed()
    assert await bench.lost()


async def test_a_record_that_the_handler_cannot_bear_ends_the_process_uncommitted(bench: Bench) -> None:
    await bench.make_topics()
    await bench.feed(BEFORE)
    await bench.feed(["raise"], key=b"k1")
    worker = bench.worker()
    assert await worker.ended() == Exit.HANDLER
    assert sum((await bench.committed()).values()) < len(BEFORE) + 1


async def test_without_stopping_at_an_exception_its_record_is_lost(bench: Bench) -> None:
    await bench.make_topics()
    await bench.feed([*BEFORE, "raise"])
    await bench.ready_worker(without=["handler"])
    await bench.all_committed()
    assert len(await bench.lost()) == 1
