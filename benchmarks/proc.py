"""What processes have used, as /proc tells it (proc_pid_stat(5), proc_pid_status(5)), and a noise gauge."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ROUNDS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used."""

    cpu: float
    """Seconds of user and system time since its start."""
    memory: float
    """MiB that are resident now."""


def used(pids: Mapping[str, int]) -> dict[str, Used]:
    """What each of some processes has used so far.

    Raises:
        FileNotFoundError: one of them has ended.
    """
    return {name: _used(Path(f"/proc/{pid}")) for name, pid in pids.items()}


def _used(folder: Path) -> Used:
    return Used(cpu_seconds((folder / "stat").read_text()), resident((folder / "status").read_text()))


def cpu_seconds(stat: str, ticks: int = _TICKS) -> float:
    """User and system time in the text of a `stat` file. The process' name in it may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / ticks


def resident(status: str) -> float:
    """MiB of memory in the text of a `status` file; 0 for a process that is ending and has none."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) / 1024
    return 0.0


def fixed_work() -> float:
    """Milliseconds that a fixed piece of work takes at this moment: how noisy the machine is."""
    began = time.perf_counter()
    digest = b""
    for n in range(_ROUNDS):
        line = json.dumps({"n": n, "digest": digest.hex()})
        digest = hashlib.sha256(json.loads(line)["digest"].encode()).digest()
    return (time.perf_counter() - began) * 1000
