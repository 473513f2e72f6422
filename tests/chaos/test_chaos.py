"""The short run, three minutes with start and settling: everything breaks, and every promise holds.

`make chaos` is the long one.
"""

import os
from pathlib import Path

import pytest

from tests.chaos.run import Wanted, run
from tests.chaos.tally import tally

pytestmark = [pytest.mark.chaos, pytest.mark.alone, pytest.mark.usefixtures("jar_cache")]
SECONDS = float(os.environ.get("HELIO_TEST_CHAOS_SECONDS", "110"))
SEED = int(os.environ.get("HELIO_TEST_CHAOS_SEED", "1"))


async def test_nothing_is_lost_doubled_or_told_wrong_while_everything_breaks(tmp_path: Path) -> None:
    outcome = await run(Wanted(seed=SEED, seconds=SECONDS), tmp_path / "run")
    table = tally(outcome)
    print(table)
    assert outcome.clean, table
    assert outcome.nemesis.kills_at_points > 0
    assert any(note.in_flight for note in outcome.nemesis.notes)
