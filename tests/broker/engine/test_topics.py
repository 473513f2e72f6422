"""Topics that are missing or do not fit end the process at the start: nothing would tell of them later."""

import pytest

from streams.engine import Exit
from tests.broker.engine.bench import Bench

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("missing", ["source", "output", "changelog"])
async def test_a_missing_topic_ends_the_process(bench: Bench, missing: str) -> None:
    names = {"source": bench.job.source, "output": bench.job.output, "changelog": bench.changelog}
    await bench.make_topics(without=[names[missing]])
    worker = bench.worker(topic_wait_seconds=1.0)
    assert await worker.ended() == Exit.TOPICS
    assert worker.said(names[missing])


@pytest.mark.parametrize("count", [2, 8])
async def test_a_changelog_of_another_size_ends_the_process(bench: Bench, count: int) -> None:
    await bench.make_topics(sizes={bench.changelog: count})
    worker = bench.worker()
    assert await worker.ended() == Exit.TOPICS
    assert worker.said(f"{bench.changelog} has {count} partitions, declared are 4")


async def test_a_source_of_another_size_ends_the_process(bench: Bench) -> None:
    await bench.make_topics(sizes={bench.job.source: 3})
    worker = bench.worker()
    assert await worker.ended() == Exit.TOPICS
    assert worker.said("unequal partition counts")


async def test_without_the_check_a_worker_is_ready_without_its_source(bench: Bench) -> None:
    await bench.make_topics(without=[bench.job.source])
    await bench.ready_worker(without=["topics"])
