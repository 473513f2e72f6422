"""Tables come back as they were: what a changelog holds is applied, merged, or refused; never skipped."""

import re
from pathlib import Path

import pytest

from streams.engine import Exit
from tests.broker.engine.bench import Bench, Gate, read_rows, until
from tests.broker.engine.job import ROW

pytestmark = pytest.mark.broker
EARLIER, LATER = ROW.pack(3, 7, 10), ROW.pack(4, 8, 11)


async def recovered(bench: Bench, file: Path, **changes: object) -> dict[bytes, bytes]:
    # It says that it is ready before it writes them.
    await bench.ready_worker(dump=str(file), **changes)
    await until(f"rows in {file}", file.exists)
    return read_rows(file)


@pytest.mark.parametrize("value", [b"no row", None])
async def test_a_changelog_record_that_cannot_be_applied_ends_the_process(
    bench: Bench, value: bytes | None
) -> None:
    await bench.make_topics()
    await bench.write_changelog(0, b"key", EARLIER)
    await bench.write_changelog(0, b"key", value)
    worker = bench.worker(strict_rows=True)
    assert await worker.ended() == Exit.RECOVERY


async def test_without_that_its_row_is_silently_an_old_one(bench: Bench, tmp_path: Path) -> None:
    await bench.make_topics()
    await bench.write_changelog(0, b"key", EARLIER)
    await bench.write_changelog(0, b"key", b"no row")
    rows = await recovered(bench, tmp_path / "rows", strict_rows=True, without=["changelog"])
    assert rows == {b"key": EARLIER}


async def test_of_two_records_of_a_key_the_table_says_which_to_keep(bench: Bench, tmp_path: Path) -> None:
    await bench.make_topics()
    await bench.write_changelog(0, b"key", LATER)
    await bench.write_changelog(0, b"key", EARLIER)
    assert await recovered(bench, tmp_path / "rows", strict_rows=True) == {b"key": LATER}


async def test_without_a_say_the_newest_record_wins(bench: Bench, tmp_path: Path) -> None:
    await bench.make_topics()
    await bench.write_changelog(0, b"key", LATER)
    await bench.write_changelog(0, b"key", EARLIER)
    assert await recovered(bench, tmp_path / "rows") == {b"key": EARLIER}


async def test_a_worker_that_is_still_recovering_stops_cleanly(bench: Bench, tmp_path: Path) -> None:
    await bench.make_topics()
    await bench.write_changelog(0, b"key", EARLIER)
    gate = Gate(tmp_path / "gate")
    gate.shut()
    worker = bench.worker(faults={"cut_off": gate.path})
    await worker.says("faults.held FetchRequest")
    await worker.finish()
    assert not worker.said("engine.ready")


async def test_a_rebalance_replays_nothing_that_the_worker_wrote_itself(bench: Bench) -> None:
    await bench.make_topics()
    first = await bench.ready_worker(faults={"log_fetches": ""})
    await bench.feed([f"first {i}" for i in range(200)])
    await bench.all_committed()
    second = await bench.ready_worker()
    await second.finish()  # its partitions come back to the first, as they were
    await bench.feed([f"second {i}" for i in range(200)])
    await bench.all_committed()
    fetched = re.findall(r"changelog', partition=(\d)\): (\d+)", first.log.read_text())
    assert len([count for _, count in fetched if int(count) > 1]) == 2, "of the two that it had given away"
    assert await bench.wrong_rows() == {}
