"""Runs `helio` up to a failpoint, where it kills itself: `python killed.py POINT ARGUMENTS...`."""

import os
import signal
import sys

from cli.__main__ import main
from schemas.failpoints import Point, on_reached

AT = Point(sys.argv.pop(1))


def kill(point: Point) -> None:
    """SIGKILL, at the one point."""
    if point is AT:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    on_reached(kill)
    main()
