"""Batches that are prepared before they are handled: waiting loses nothing, and does not last for ever."""

from pathlib import Path

import pytest

from streams.engine import Exit
from tests.broker.engine.bench import Bench, Gate, until

pytestmark = pytest.mark.broker


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    gate = Gate(tmp_path / "gate")
    gate.shut()
    return gate


async def test_nothing_is_handled_before_it_is_prepared_and_nothing_is_lost_meanwhile(
    bench: Bench, gate: Gate
) -> None:
    await bench.make_topics()
    worker = await bench.ready_worker(prepare_gate=gate.path)
    await bench.feed([f"fact {i}" for i in range(400)])
    await worker.says("worker.preparing")
    assert await bench.read(bench.job.output) == []
    gate.open()
    await bench.all_committed()
    assert await bench.lost() == []
    assert await bench.repeats() == 0


async def rebalance_while_preparing(bench: Bench, gate: Gate, *without: str) -> None:
    """A second worker joins and takes half of what the first one prepares."""
    await bench.make_topics()
    first = await bench.ready_worker(prepare_gate=gate.path, without=without)
    await bench.feed([f"fact {i}" for i in range(400)])
    await first.says("worker.preparing")
    second = await bench.ready_worker(prepare_gate=gate.path, without=without)
    await second.says("worker.preparing")
    gate.open()


async def test_records_that_a_rebalance_takes_while_they_are_prepared_are_handled_once(
    bench: Bench, gate: Gate
) -> None:
    await rebalance_while_preparing(bench, gate)
    await bench.all_committed()
    assert await bench.lost() == []
    assert await bench.repeats() == 0


async def test_without_looking_again_whose_they_are_some_are_handled_twice(bench: Bench, gate: Gate) -> None:
    await rebalance_while_preparing(bench, gate, "prepared")
    await bench.all_committed()
    await until("repeats", lambda: _repeated(bench))


async def _repeated(bench: Bench) -> bool:
    return await bench.repeats() > 0


async def test_a_stop_does_not_wait_for_it(bench: Bench, gate: Gate) -> None:
    await bench.make_topics()
    worker = await bench.ready_worker(prepare_gate=gate.path)
    await bench.feed(["fact"])
    await worker.says("worker.preparing")
    await worker.finish()
    gate.open()
    await bench.ready_worker()
    await bench.all_committed()
    assert await bench.lost() == []


async def test_what_is_never_prepared_ends_the_process(bench: Bench, gate: Gate) -> None:
    await bench.make_topics()
    worker = bench.worker(prepare_gate=gate.path, prepare_seconds=0.5)
    await bench.feed(["fact"])
    assert await worker.ended() == Exit.CRASH
    assert await bench.committed() == dict.fromkeys(range(bench.job.partitions), 0)
