"""What one process knows of a subscription's endpoint: what waits for it, how it does. Opens nothing."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from notifiers.deliveries import Delivery
from notifiers.pauses import Pauses
from schemas.base import Millis

#: Failures in a row after which it is left in peace: one event that it cannot take says nothing of others.
_IN_A_ROW: Final = 3
#: However long it has failed, it is tried so often, if there is something to tell.
_LONGEST_REST_MS: Final = 300_000
#: What waits in memory should be told within this; the rest waits in Kafka.
_AT_HAND_MS: Final = 10_000
#: At most, however quick it is.
_MOST_AT_HAND: Final = 500
#: What waits in Kafka waits for this long at least (the shortest waiting topic), and at most for an hour.
SHORTEST_MS: Final = 10_000
_LONGEST_LINE_MS: Final = 3_600_000
#: How much the latest answer counts in the mean.
_WEIGHT: Final = 0.2


@dataclass(eq=False, slots=True)
class Endpoint:
    """One subscription's, at one URL.

    Of the deliveries with one key only the oldest is tried at a time, and the next one after its answer.

    Args:
        url: another one makes it another endpoint.
        width: how many tries may be under way at once.
    """

    organization: str
    url: str
    width: int
    in_flight: int = 0
    #: What waits for a try.
    queued: int = 0
    #: What has a place, and is not due for some seconds.
    held: int = 0
    #: It failed lately: so many rests in a row, the last one until then. Then one try goes, alone.
    rests: int = 0
    until: Millis = 0
    #: The mean time of an answer, in milliseconds.
    answer_ms: float = 100.0
    _failures: int = 0
    #: When the last one of those that found no room will have its turn.
    _tail: float = 0.0
    _ready: deque[bytes] = field(default_factory=deque)
    _lines: dict[bytes, deque[Delivery]] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Nothing of it is at hand."""
        return not (self.queued or self.held or self.in_flight)

    def resting(self, now: Millis) -> bool:
        """Whether nothing new should wait for it here: it is failing, and has its rest or its one try."""
        return self.rests > 0 and (now < self.until or self.in_flight > 0 or self.queued > 0)

    def has_room(self) -> bool:
        """Whether one more may wait here: what it answers within some seconds may."""
        within = self.width * _AT_HAND_MS / max(self.answer_ms, 1.0)
        return self.queued + self.held < max(self.width, min(_MOST_AT_HAND, round(within)))

    def place(self, now: Millis, roll: float) -> Millis:
        """When one that finds no room comes back: behind those before it, as quick as the endpoint is.

        The line is an hour long. Beyond it `roll`, from 0 to 1, says when one comes to look again, and the
        line does not grow by those that have no place in it.
        """
        found = max(self._tail + self.answer_ms / self.width, now + SHORTEST_MS)
        if found > now + _LONGEST_LINE_MS:
            return round(now + SHORTEST_MS + roll * (_LONGEST_LINE_MS - SHORTEST_MS))
        self._tail = found
        return round(found)

    def add(self, delivery: Delivery) -> None:
        """It waits for its try, behind what has the same key."""
        self.queued += 1
        line = self._lines.get(delivery.key)
        if line is None:
            self._lines[delivery.key] = deque([delivery])
            self._ready.append(delivery.key)
        else:
            line.append(delivery)

    def startable(self, now: Millis) -> bool:
        """Whether a try may begin now."""
        width = 1 if self.rests else self.width
        return bool(self._ready) and self.in_flight < width and now >= self.until

    def start(self) -> Delivery:
        """The next one to try; `ended` must follow."""
        delivery = self._lines[self._ready.popleft()].popleft()
        self.queued -= 1
        self.in_flight += 1
        return delivery

    def ended(self, key: bytes) -> None:
        """A try for a delivery with that key is over: the next of its line may go."""
        self.in_flight -= 1
        if self._lines[key]:
            self._ready.append(key)
        else:
            del self._lines[key]

    def well(self, took_ms: float) -> None:
        """It has taken an event."""
        self.answer_ms += _WEIGHT * (took_ms - self.answer_ms)
        self._failures = self.rests = self.until = 0

    def bad(self, now: Millis, pauses: Pauses, roll: float, took_ms: float) -> None:
        """It has not. After some in a row, or when it was on trial, it rests."""
        self.answer_ms += _WEIGHT * (took_ms - self.answer_ms)
        if now < self.until:
            return  # begun before the rest
        self._failures += 1
        if self.rests or self._failures >= _IN_A_ROW:
            self._rest(now, pauses, roll)

    def asked(self, now: Millis, wanted_ms: int | None, pauses: Pauses, roll: float) -> None:
        """It asks for a pause, of that length if it says one: it gets nothing until then."""
        if now >= self.until:
            self._rest(now, pauses, roll, wanted_ms)
        elif wanted_ms:
            self.until = max(self.until, now + min(wanted_ms, _LONGEST_LINE_MS))

    def _rest(self, now: Millis, pauses: Pauses, roll: float, wanted_ms: int | None = None) -> None:
        self.rests += 1
        own = min(_LONGEST_REST_MS, pauses.rest(self.rests, roll))
        # None at all, or one that is over, would be asked for without end.
        self.until = now + (min(wanted_ms, _LONGEST_LINE_MS) if wanted_ms else own)

    def empty(self) -> Iterator[Delivery]:
        """Take out all that waits, each line in its order."""
        flying = {key for key in self._lines if key not in self._ready}
        for key, line in list(self._lines.items()):
            while line:
                self.queued -= 1
                yield line.popleft()
            if key not in flying:
                del self._lines[key]
        self._ready.clear()
