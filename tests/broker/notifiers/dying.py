"""`python -m notifiers` that kills itself where `DIES_AT` says, the first time that it comes there.

    python -m tests.broker.notifiers.dying

The file that `DIED` names says that it has died already.
"""

import os
import runpy
import signal
from pathlib import Path

from schemas.failpoints import Point, on_reached


def main() -> None:
    """Run until told to stop, or dead."""
    at, died = Point(os.environ["DIES_AT"]), Path(os.environ["DIED"])

    def act(point: Point) -> None:
        if point is at and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    on_reached(act)
    runpy.run_module("notifiers", run_name="__main__")


if __name__ == "__main__":
    main()
