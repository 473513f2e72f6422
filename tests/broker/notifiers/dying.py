"""`python -m notifiers` that kills itself at each point of `DIES_AT`, the first time that it comes there.

    python -m tests.broker.notifiers.dying

`DIES_AT`: points, parted by spaces. The folder that `DIED` names has a file for each at which it has died.
"""

import os
import runpy
import signal
from pathlib import Path

from schemas.failpoints import Point, on_reached


def main() -> None:
    """Run until told to stop, or dead."""
    points, died = {Point(name) for name in os.environ["DIES_AT"].split()}, Path(os.environ["DIED"])

    def act(point: Point) -> None:
        if point in points and not (died / point).exists():
            (died / point).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    on_reached(act)
    runpy.run_module("notifiers", run_name="__main__")


if __name__ == "__main__":
    main()
