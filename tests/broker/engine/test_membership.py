"""Zombies: a worker that lost its partitions must not write after their new owner, however it lost them."""

from pathlib import Path

import pytest

from streams.engine import Exit
from tests.broker.engine.bench import Bench, Gate, Worker, until

pytestmark = pytest.mark.broker


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """While it is shut, the first worker's produce requests wait."""
    return Gate(tmp_path / "gate")


@pytest.fixture
def cut(tmp_path: Path) -> Gate:
    """While it is shut, the first worker's heartbeats and fetches wait."""
    return Gate(tmp_path / "cut")


async def with_unconfirmed_rows(bench: Bench, gate: Gate, cut: Gate, **changes: object) -> Worker:
    """A worker that has handled records whose rows are still on their way."""
    await bench.make_topics()
    faults = {"hold_produce": gate.path, "cut_off": cut.path}
    worker = await bench.ready_worker(faults=faults, **changes)
    await bench.feed([f"first {i}" for i in range(200)])
    await bench.all_committed()
    gate.shut()
    await bench.feed([f"second {i}" for i in range(200)])
    await worker.says("faults.held ProduceRequest")
    return worker


async def take_over(bench: Bench) -> None:
    """A second worker gets the partitions when the session has run out, and handles later records."""
    await bench.ready_worker()
    await bench.feed([f"third {i}" for i in range(200)])
    await bench.all_committed()


async def test_a_worker_stopped_past_its_session_writes_nothing_more(
    bench: Bench, gate: Gate, cut: Gate
) -> None:
    zombie = await with_unconfirmed_rows(bench, gate, cut)
    zombie.pause()
    await take_over(bench)
    gate.open()
    zombie.resume()
    assert await zombie.ended() == Exit.PAUSED
    assert await bench.lost() == []
    assert await bench.wrong_rows() == {}


async def test_a_worker_cut_off_past_its_session_writes_nothing_more(
    bench: Bench, gate: Gate, cut: Gate
) -> None:
    zombie = await with_unconfirmed_rows(bench, gate, cut)
    cut.shut()
    await zombie.says("faults.held HeartbeatRequest")
    await take_over(bench)
    gate.open()
    cut.open()
    assert await zombie.ended() == Exit.PAUSED
    assert await bench.lost() == []
    assert await bench.wrong_rows() == {}


async def test_without_the_lease_it_puts_rows_back_for_good(bench: Bench, gate: Gate, cut: Gate) -> None:
    zombie = await with_unconfirmed_rows(bench, gate, cut, without=["lease"])
    cut.shut()
    await zombie.says("faults.held HeartbeatRequest")
    await take_over(bench)
    gate.open()

    async def written() -> bool:
        return await bench.repeats() > 0

    await until("the zombie's records", written)
    cut.open()
    assert await zombie.ended() == Exit.PAUSED
    assert await bench.wrong_rows()


async def test_without_ending_the_member_it_hangs(bench: Bench, gate: Gate, cut: Gate) -> None:
    zombie = await with_unconfirmed_rows(bench, gate, cut, without=["member"], stall_seconds=5.0)
    cut.shut()
    await zombie.says("faults.held HeartbeatRequest")
    await take_over(bench)
    cut.open()
    assert await zombie.ended() == Exit.CRASH


async def test_a_worker_stopped_for_less_than_its_session_goes_on(
    bench: Bench, gate: Gate, cut: Gate
) -> None:
    worker = await with_unconfirmed_rows(bench, gate, cut)
    worker.pause()
    gate.open()
    worker.resume()
    await bench.feed([f"third {i}" for i in range(200)])
    await bench.all_committed()
    assert worker.alive
    assert await bench.repeats() == 0
    await worker.finish()
    assert await bench.wrong_rows() == {}


async def join_a_stopping_worker(bench: Bench, gate: Gate, cut: Gate, *without: str) -> Worker:
    """A second worker joins while the first one is stopping, its last rows still on their way."""
    first = await with_unconfirmed_rows(bench, gate, cut, without=without)
    first.terminate()
    await first.says("engine.stopping")
    second = bench.worker()
    await first.says("Revoking previously assigned partitions frozenset({")
    return second


async def test_a_worker_that_stops_during_a_rebalance_hands_over_all_its_rows(
    bench: Bench, gate: Gate, cut: Gate
) -> None:
    second = await join_a_stopping_worker(bench, gate, cut)
    gate.open()
    assert await bench.workers[0].ended() == 0
    await second.ready()
    await bench.feed([f"third {i}" for i in range(200)])
    await bench.all_committed()
    assert await bench.lost() == []
    assert await bench.repeats() == 0
    assert await bench.wrong_rows() == {}


async def test_without_waiting_while_it_stops_rows_of_the_next_owner_are_put_back(
    bench: Bench, gate: Gate, cut: Gate
) -> None:
    second = await join_a_stopping_worker(bench, gate, cut, "stopping")
    await second.ready()
    await bench.feed([f"third {i}" for i in range(200)])
    ends = await bench.ends()

    async def one_done() -> bool:
        return any(offset == ends[p] for p, offset in (await bench.committed()).items())

    await until("a partition taken over", one_done)
    gate.open()
    assert await bench.workers[0].ended() == 0
    await bench.all_committed()
    assert await bench.wrong_rows()
