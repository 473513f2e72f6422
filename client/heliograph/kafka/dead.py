"""Records that are on a topic and cannot be read: shown to whoever reads it, never passed over in silence."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from heliograph.errors import HeliographError


@dataclass(frozen=True)
class DeadRecord:
    """Where it lies, its bytes, and what is wrong: no JSON, a field is missing, another version."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    #: One sentence that names the field and never quotes the value.
    why: str


class DeadRecordError(HeliographError):
    """The next record cannot be read. Asked once more, the stream goes on behind it.

    Attributes:
        record: the record.
    """

    def __init__(self, record: DeadRecord) -> None:
        self.record = record
        super().__init__(f"{record.topic}/{record.partition}/{record.offset}: {record.why}")


#: Called with each of them; what it raises goes up to whoever reads the stream.
OnDead: TypeAlias = Callable[[DeadRecord], Awaitable[None] | None]
