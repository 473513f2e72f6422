"""Run a command that dies with the process that started it.

Used as a program, `python -I -S lifeline.py PARENT COMMAND...`, never imported: it asks the kernel for
SIGKILL at the parent's death and then becomes the command. A child that is left behind would hold ports
and group memberships that the next start needs. Elsewhere than on Linux it only becomes the command.

The kernel means the parent *thread*: whoever starts this must keep that thread (see `child`).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    """Tie this process to `parent`, then become `command`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before it could be watched
            return
    os.execvp(command[0], command)  # noqa: S606  the caller's own argv, no shell


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
