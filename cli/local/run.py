"""What runs where: `run.json`, and the lock that says whether anything runs at all."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from cli.local.process import StartError


class RunningError(StartError):
    """A stack runs here already."""


@dataclass(frozen=True)
class Run:
    """A running stack. `run.json` exists while one runs and is ready."""

    ingress: str
    """Base URL of the REST door; likewise `webhooks` and `simulator`."""
    webhooks: str
    simulator: str
    kafka: str
    """host:port."""
    redis: str
    api_key: str
    """The demo's."""
    senders: list[str]
    """Numbers that this key may send from; the providers take turns, so the first three cover all."""
    pids: Mapping[str, int]
    """Of what runs at this moment, by process name."""
    restarts: Mapping[str, int]
    """How often each process was started again."""
    use_cases: list[str] = field(default_factory=list)
    """Use cases that this key may send through."""
    operator_api_key: str = ""
    """Of the organization that runs the platform: it writes everybody's directory, and sends nothing."""

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """The stack that runs in `home`, or None."""
        try:
            return cls(**json.loads((home / "run.json").read_text()))
        except FileNotFoundError:
            return None

    def write(self, home: Path) -> None:
        """Replace `run.json` at once: a reader sees the old one or the new one."""
        half = home / "run.json.new"
        half.touch(mode=0o600)  # it holds the API key
        half.write_text(json.dumps(asdict(self), indent=2) + "\n")
        half.replace(home / "run.json")


def forget(home: Path) -> None:
    """Nothing runs here any more."""
    (home / "run.json").unlink(missing_ok=True)


@contextmanager
def sole(home: Path) -> Iterator[None]:
    """Be the only stack in `home`. The kernel lets go of the lock when we die, however we die.

    Raises:
        RunningError: another one runs; says its process id.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        if not _try(lock.fileno()):
            raise RunningError(f"a stack runs in {home} already (process {holder(home)}): helio down")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def holder(home: Path) -> int | None:
    """The process whose stack runs in `home`, or None."""
    with suppress(FileNotFoundError), (home / "lock").open("r+") as lock:
        if not _try(lock.fileno()):
            return int(lock.read() or 0) or None
    return None


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_leftovers(home: Path, seconds: float = 10.0) -> list[str]:
    """Kill what an earlier run of `home` left behind; the names of what was killed.

    Only where the kernel does not end our children with us. A process is ours when its environment
    names this home: a process id alone may belong to a stranger by now.
    """
    run = Run.read(home)
    left = [] if run is None else [(n, pid) for n, pid in run.pids.items() if _is_ours(pid, home)]
    for _name, pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while any(_is_ours(pid, home) for _name, pid in left) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [name for name, _pid in left]


def _is_ours(pid: int, home: Path) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"HELIO_HOME={home}".encode() in environment.split(b"\0")
