"""What a test worker is to do, and the arithmetic of its rows: the same in worker and test."""

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

PARTITIONS = 4
ROW = struct.Struct(">QIq")  # records counted, checksum of their ids in order, offset of the last


@dataclass(frozen=True, kw_only=True)
class Job:
    """Names of a worker's topics, what is taken out of its engine, and what happens to it."""

    bootstrap_servers: str
    app: str
    source: str
    output: str
    partitions: int = PARTITIONS
    without: tuple[str, ...] = ()
    """Guards that are taken out: names of `guards.REMOVALS`."""
    faults: dict[str, str] = field(default_factory=dict)
    """What happens to it: names of `faults.FAULTS`, with their arguments."""
    strict_rows: bool = False
    """Recovery refuses rows that it cannot read."""
    session_seconds: float = 6.0
    topic_wait_seconds: float = 30.0
    ready_seconds: float = 90.0
    stall_seconds: float = 90.0
    prepare_gate: str = ""
    """File that holds up the preparing of every batch, as long as it is there; "": nothing is prepared."""
    prepare_seconds: float = 90.0
    dump: str = ""
    """File to write the recovered rows to, once ready."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        return cls(**json.loads(text))


def step(row: bytes | None, ident: bytes, offset: int) -> bytes | None:
    """The row after a record; None for a record that it counts already."""
    count, checksum, last = ROW.unpack(row) if row else (0, 0, -1)
    if offset <= last:
        return None
    return ROW.pack(count + 1, zlib.crc32(ident, checksum), offset)


def later(old: bytes, new: bytes) -> bytes:
    """Of two changelog records, the one with the later fact. Raises struct.error on other bytes."""
    return max(old, new, key=lambda row: ROW.unpack(row)[2])


def fold(records: Iterable[tuple[bytes, bytes, int]]) -> dict[bytes, bytes]:
    """Rows by key, from (key, id, offset) in the order of offsets."""
    rows: dict[bytes, bytes] = {}
    for key, ident, offset in records:
        rows[key] = step(rows.get(key), ident, offset) or rows[key]
    return rows
