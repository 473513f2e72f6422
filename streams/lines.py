"""Whose task goes to the dispatchers now, and whose waits for its turn first (P11, docs/streams.md). Pure.

Everybody's tasks share the partitions of a dispatch topic. A backlog that one number cannot send for hours
would lie there before the tasks of all others, and each of it would have to be read and put away again.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from ledger.places import FAR_MS, FAR_PER_SECOND, HORIZON_MS, KEPT_MS, SHARE_SECONDS
from schemas.tasks import Task

_SHARE_MS: Final = SHARE_SECONDS * 1000
_PLACES_MS: Final = HORIZON_MS - KEPT_MS
#: Tasks that are asked for later stand in one line with those of the same minute.
_MINUTE_MS: Final = 60_000
#: Lines that are over are looked for when there are so many, and twice as many as the last look left.
_LOOK_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """In milliseconds since the epoch."""

    #: When the task goes: in the past, at once.
    due: int
    #: When its turn comes. None: it goes at once, or it has no place yet, and dispatchers will give it one.
    turn: int | None = None


@dataclass(slots=True)
class _Line:
    """Milliseconds since the epoch."""

    #: When those who went at once and those who have a place will have been served.
    served: float = 0.0
    #: When the last of those who have none comes back.
    far: float = 0.0


class Lines:
    """The lines of one process: with the figures of the ledger's (`ledger.places`), and no call.

    What goes at once is what dispatchers may have at hand of a number. Each process lets so much go, and
    gives places, as if it were alone, and a restarted one begins anew: then more come back than there is
    room for, and the dispatchers give them a place in the ledger's line, which all share.
    """

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}
        self._look_at = _LOOK_AT

    def __len__(self) -> int:
        return len(self._lines)

    def place(self, task: Task, rate: float, now: int) -> Place:
        """When the task goes to the dispatchers: when its time is over at the latest, to be told so.

        Args:
            task: routed.
            rate: segments of its sender that are served in a second, above 0.
            now: milliseconds since the epoch.
        """
        asked = max(task.not_before, now)
        line = self._line(task, now)
        wait = max(line.served - asked, 0.0)
        takes = task.segments * 1000 / rate
        if wait < _PLACES_MS:
            line.served = asked + wait + takes
            if wait < _SHARE_MS:
                return Place(task.not_before)
            turn = round(asked + wait)
            return Place(_in_time(turn, task), turn)
        line.far = max(line.far, asked + FAR_MS)
        place = Place(_in_time(round(line.far), task))
        line.far += min(1000 / FAR_PER_SECOND, takes)
        return place

    def _line(self, task: Task, now: int) -> _Line:
        name = task.sender, task.lane, task.not_before // _MINUTE_MS if task.not_before > now else 0
        if name not in self._lines:
            self._forget(now)
            self._lines[name] = _Line()
        return self._lines[name]

    def _forget(self, now: int) -> None:
        if len(self._lines) < self._look_at:
            return
        self._lines = {name: line for name, line in self._lines.items() if max(line.served, line.far) > now}
        self._look_at = max(_LOOK_AT, 2 * len(self._lines))


def _in_time(due: int, task: Task) -> int:
    return min(due, max(task.not_before, min(task.valid_until, task.forget_at) + 1))
