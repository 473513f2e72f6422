"""When slots were taken and when texts arrived, and what that says of a pace (P10)."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: A won claim in the ledger's append-only file: message id, and when it may be taken over (ms).
_WON: Final = re.compile(rb":c:(\S+)\r\n\$\d+\r\nsending 1 0 (\d+) ")


@dataclass(frozen=True)
class Cap:
    """What must hold for all messages of these senders together, in segments."""

    name: str
    senders: tuple[str, ...]
    rate: float
    burst: int
    #: Segments of each of its messages here.
    segments: int = 1


@dataclass(frozen=True)
class Went:
    """Segments at a moment, in seconds since the epoch."""

    at: float
    segments: int


def claims(append_only: Path, hold_seconds: float) -> dict[str, float]:
    """When each message was claimed for the first time, by the ledger's clock, in seconds since the epoch."""
    found: dict[str, float] = {}
    for file in sorted(append_only.glob("*.aof")):
        for id_, until in _WON.findall(file.read_bytes()):
            found.setdefault(id_.decode(), int(until) / 1000 - hold_seconds)
    return found


def most_in_a_second(went: Iterable[Went]) -> int:
    """The most segments in any second, both of its ends included."""
    ordered = sorted(went, key=lambda one: one.at)
    most = total = first = 0
    for one in ordered:
        total += one.segments
        while ordered[first].at < one.at - 1.0:
            total -= ordered[first].segments
            first += 1
        most = max(most, total)
    return most


def used(went: Sequence[Went], cap: Cap, spans: Sequence[tuple[float, float]]) -> tuple[int, float]:
    """How many segments went in these spans of time, and how many the cap allows in them.

    Each span may cut one message off: it lies just before it or just behind it.
    """
    sent = sum(one.segments for one in went if any(start <= one.at < end for start, end in spans))
    allowed = cap.rate * sum(end - start for start, end in spans)
    return sent, allowed - cap.segments * len(spans)


class Waits:
    """For how long processes stood ready without a core, by the kernel's account of their main threads."""

    def __init__(self, pids: Iterable[int | None]) -> None:
        self._began = time.monotonic()
        self._before = {pid: _waited(pid) for pid in pids if pid is not None}

    def share(self) -> float:
        """The largest share of the time since then that any of them waited; 0 where it is not told."""
        lasted = time.monotonic() - self._began
        return max((_waited(pid) - before for pid, before in self._before.items()), default=0.0) / lasted


def _waited(pid: int) -> float:
    """In seconds, since its start."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
