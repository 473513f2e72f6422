"""Breaks a system on purpose and counts: see docs/guarantees.md.

    python -m tests.chaos --seconds 600 --seed 7     ten minutes of load
    python -m tests.chaos --kills 300 --seed 7       until 300 processes were killed, 100 of them at points

Ends with 1 if a promise was broken. The evidence is in a folder that the first and the last line name.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path

from tests.chaos.run import Outcome, Wanted, run
from tests.chaos.tally import tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=150.0, help="of load")
    parser.add_argument("--kills", type=int, help="instead of seconds: go on until so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=Wanted.rate, help="new messages a second")
    parser.add_argument("--folder", type=Path, help="for the evidence; by default .helio/chaos/SEED-TIME")
    options = parser.parse_args()
    # A broker that is away is part of the run; what our own clients say about it is not of interest.
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder: Path = options.folder or Path(".helio", "chaos", f"{options.seed}-{time.strftime('%m%dT%H%M%S')}")
    wanted = Wanted(seed=options.seed, seconds=options.seconds, rate=options.rate, kills=options.kills)
    print(f"evidence: {folder}")
    outcome = asyncio.run(run(wanted, folder.absolute()))
    print(tally(outcome))
    (folder / "report.txt").write_text(tally(outcome) + "\n")
    _tidy(folder, outcome)
    print(f"evidence: {folder}")
    return 0 if outcome.clean else 1


def _tidy(folder: Path, outcome: Outcome) -> None:
    """The broker's data of a clean run are of no use to anybody; logs stay."""
    if outcome.clean:
        for name in ("kafka", "redis"):
            shutil.rmtree(folder / "stack" / name, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
