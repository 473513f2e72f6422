"""Offsets: what lies between two records is never committed over, whatever a rebalance does to a fetch."""

import pytest

from streams.engine import Exit
from tests.broker.engine.bench import Bench

pytestmark = pytest.mark.broker


async def skip_records(bench: Bench) -> int:
    """Retention takes records that the group has not handled; the first offset that is left."""
    await bench.make_topics()
    await bench.feed([f"first {i}" for i in range(100)])
    worker = await bench.ready_worker()
    await bench.all_committed()
    await worker.finish()
    await bench.feed([f"second {i}" for i in range(200)])
    ends = await bench.ends()
    first = min(ends.values()) - 5
    await bench.delete_before(first)
    await bench.feed([f"third {i}" for i in range(100)])
    return first


async def test_a_gap_ends_the_process(bench: Bench) -> None:
    first = await skip_records(bench)
    before = await bench.committed()
    worker = bench.worker()
    assert await worker.ended() == Exit.GAP
    after = await bench.committed()
    # The other partitions lost nothing, and go on until the process ends.
    gaps = {partition for partition, offset in before.items() if offset < first}
    assert gaps
    assert {partition: after[partition] for partition in gaps} == {p: before[p] for p in gaps}


async def test_without_the_check_a_gap_is_committed_over(bench: Bench) -> None:
    await skip_records(bench)
    await bench.ready_worker(without=["gap"])
    await bench.all_committed()


async def join_during_a_fetch(bench: Bench, *without: str) -> None:
    """A second worker joins a new group; a fetch of the first brings its new partitions' first records."""
    await bench.make_topics()
    first = await bench.ready_worker(faults={"fetch_before_seek": ""}, without=without)
    second = bench.worker(without=without)
    await first.says("faults.seeking")
    await bench.feed([f"fact {i}" for i in range(400)])
    await first.says("faults.fetched flow=False")
    await second.ready()
    await bench.feed([f"more {i}" for i in range(100)])


async def test_a_fetch_that_a_rebalance_overtakes_loses_nothing(bench: Bench) -> None:
    await join_during_a_fetch(bench)
    await bench.all_committed()
    assert await bench.lost() == []
    assert await bench.repeats() == 0


async def test_without_seeking_partitions_that_have_no_commit_it_leaves_a_gap(bench: Bench) -> None:
    await join_during_a_fetch(bench, "seek", "give_back")
    assert await bench.workers[0].ended() == Exit.GAP


async def test_without_the_gap_check_as_well_it_is_lost(bench: Bench) -> None:
    await join_during_a_fetch(bench, "seek", "give_back", "gap")
    await bench.all_committed()
    assert await bench.lost()


async def recover_during_a_fetch(bench: Bench, fault: str, *without: str) -> None:
    """A worker with a table to recover starts; the fetch that recovered it goes on for the sources."""
    await bench.make_topics()
    await bench.feed([f"first {i}" for i in range(400)])
    worker = await bench.ready_worker()
    await bench.all_committed()
    await worker.finish()
    await bench.feed([f"second {i}" for i in range(400)])
    worker = bench.worker(faults={fault: ""}, without=without)
    await worker.says("faults.seeking")
    await bench.feed([f"third {i}" for i in range(400)])


@pytest.mark.parametrize("fault", ["fetch_before_seek", "fetch_after_seek"])
async def test_a_fetch_around_the_seek_loses_nothing(bench: Bench, fault: str) -> None:
    await recover_during_a_fetch(bench, fault)
    await bench.all_committed()
    assert bench.workers[-1].said("faults.fetched flow=False")
    assert await bench.lost() == []
    assert await bench.repeats() == 0


async def test_without_giving_back_a_fetch_after_the_seek_leaves_a_gap(bench: Bench) -> None:
    await recover_during_a_fetch(bench, "fetch_after_seek", "give_back")
    worker = bench.workers[-1]
    await worker.says("guards.dropped")
    # The fetch may have dropped all there was: the next record shows the gap.
    await bench.feed([f"fourth {i}" for i in range(100)])
    assert await worker.ended() == Exit.GAP


async def test_without_stopping_the_flow_records_come_before_their_position_is_known(bench: Bench) -> None:
    await recover_during_a_fetch(bench, "fetch_before_seek", "flow")
    assert await bench.workers[-1].ended() == Exit.GAP
