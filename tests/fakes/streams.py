"""What the handlers of `route` and `fold` meet: records, a place for what they emit, and memories."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas import topics


@dataclass
class Read:
    """A record as the engine hands it over."""

    value: bytes | None
    offset: int = 0
    topic: str = topics.MESSAGES
    partition: int = 0
    timestamp: int = 1_000
    key: bytes | None = b"m-1"
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Out:
    """Collects what is emitted."""

    sent: list[tuple[str, bytes, bytes | None, Sequence[tuple[str, bytes]]]] = field(default_factory=list)

    def __call__(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        same_partition: bool = False,
    ) -> None:
        del same_partition
        self.sent.append((topic, value, key, headers))

    def take(self) -> list[tuple[str, bytes, bytes | None, Sequence[tuple[str, bytes]]]]:
        sent, self.sent = self.sent, []
        return sent


@dataclass
class Recipients:
    """What recipients remember."""

    known: dict[tuple[str | None, str], str] = field(default_factory=dict)

    def number(self, use_case_id: str | None, to_number: str, /) -> str | None:
        return self.known.get((use_case_id, to_number))
