"""How a record that is not due travels: from waiting topic to waiting topic, then to its target."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.base import DecodeError
from schemas.topics import WAITING

_DUE: Final = "helio-due"
_TOPIC: Final = "helio-topic"
_KEY: Final = "helio-key"

#: The last hop may be early by less than this: the shortest wait is left to the target.
EARLY_MS: Final = min(WAITING)
#: The waits that cost one hop, shortest first.
STEPS_MS: Final = tuple(sorted(WAITING))

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Ticket:
    """When a waiting record is due and where it then goes; rides in its headers, the value stays as it is."""

    due: int
    topic: str
    key: bytes

    def headers(self) -> Headers:
        """The ticket as record headers."""
        return [(_DUE, b"%d" % self.due), (_TOPIC, self.topic.encode()), (_KEY, self.key)]

    @classmethod
    def read(cls, headers: Iterable[tuple[str, bytes]]) -> "Ticket":
        """The ticket in `headers`.

        Raises:
            DecodeError: a part is missing or unreadable.
        """
        found = dict(headers)
        try:
            return cls(int(found[_DUE]), found[_TOPIC].decode(), found[_KEY])
        except (KeyError, ValueError) as e:
            raise DecodeError(f"no readable ticket in the headers: {e!r}") from None


def next_topic(ticket: Ticket, now_ms: int) -> str:
    """Where the record goes next: the longest waiting topic not longer than its wait, else its target.

    A wait shorter than the shortest topic's is left to the target, which keeps it in memory.
    """
    wait = ticket.due - now_ms
    return next((topic for delay, topic in WAITING.items() if delay <= wait), ticket.topic)


def way(ticket: Ticket, message_id: str, now_ms: int) -> tuple[str, bytes, Headers]:
    """Topic, key and headers of the next hop; what waits is keyed by its message and carries its ticket."""
    topic = next_topic(ticket, now_ms)
    if topic == ticket.topic:
        return topic, ticket.key, []
    return topic, message_id.encode(), ticket.headers()
