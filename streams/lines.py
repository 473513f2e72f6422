"""Whose task goes to the dispatchers now, and whose waits for its turn first (P11, docs/streams.md). Pure.

Everybody's tasks share the partitions of a dispatch topic. A backlog that one number cannot send for hours
would lie there before the tasks of all others, and each of it would have to be read and put away again.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from directory.rates import Rates
from ledger.places import SHARE_SECONDS
from schemas.tasks import Task

_SHARE_MS: Final = SHARE_SECONDS * 1000
#: Places are given for so long ahead. Short: whoever was cancelled, or went elsewhere, keeps its place here.
_PLACES_MS: Final = 60_000
#: Who has none goes after this, before the last who has one, and asks the dispatchers, who know better.
_FAR_MS: Final = 50_000
#: So many of all lines together in a second, so that they are no burst; but of each twice what it sends.
_FAR_PER_SECOND: Final = 50
#: Nobody is sent farther: a rate may be raised.
_FARTHEST_MS: Final = 3_600_000
#: Tasks that are asked for later stand in one line with those of the same minute.
_MINUTE_MS: Final = 60_000
#: Lines that are over are looked for when there are so many, and twice as many as the last look left.
_LOOK_AT: Final = 1_000
#: Beyond so many nobody else gets a line, and goes at once: dispatchers know what to do.
_MOST: Final = 100_000
#: The clock has been set back if it is behind what it said by so much.
_STEP_MS: Final = 1_000


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
    #: When the last of those who have none goes.
    far: float = 0.0

    def wait(self, asked: int) -> float:
        return max(self.served - asked, 0.0)

    def join(self, asked: int, takes: float) -> None:
        self.served = max(self.served, asked) + takes


class Lines:
    """The lines of one process: one for each number, and one for what a tenant has at once on an account.

    What goes at once is what dispatchers may have at hand of a number, and of an account. Each process lets
    so much go, and gives places, as if it were alone, and a restarted one begins anew: then more come back
    than there is room for, and the dispatchers give them a place in the ledger's lines, which all share.
    """

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}
        self._look_at = _LOOK_AT
        self._now = self._looked_at = 0

    def __len__(self) -> int:
        return len(self._lines)

    def place(self, task: Task, rates: Rates, now: int) -> Place:
        """When the task goes to the dispatchers: when its time is over at the latest, to be told so.

        A number that has nothing in its line goes at once, whatever else its tenant has on the account.

        Args:
            task: routed.
            rates: of its sender.
            now: milliseconds since the epoch.
        """
        self._renew(now)
        asked = max(task.not_before, now)
        minute = task.not_before // _MINUTE_MS if task.not_before > now else 0
        own = self._line((task.sender, task.lane, minute))
        shared = self._line((task.organization, task.account, task.lane, minute))
        if own is None or shared is None:
            return Place(task.not_before)
        takes = task.segments * 1000 / rates.sender
        wait = own.wait(asked)
        near = wait < _SHARE_MS
        if near and wait:
            # Others of the tenant's are before it only where its number has some under way.
            wait = max(wait, shared.wait(asked))
        over = max(asked, min(task.valid_until, task.forget_at) + 1)
        if wait >= _PLACES_MS:
            return Place(min(self._far(own, asked, takes), over))
        if wait >= _SHARE_MS and asked + wait > over:
            # It will not be sent, so nobody stands behind it.
            return Place(over)
        own.join(asked, takes)
        if near:
            shared.join(asked, task.segments * 1000 / rates.account)
        if wait < _SHARE_MS:
            return Place(task.not_before)
        turn = round(asked + wait)
        return Place(turn, turn)

    def _far(self, line: _Line, asked: int, takes: float) -> int:
        first = asked + _FAR_MS
        line.far = max(line.far, first) if line.far < asked + _FARTHEST_MS else first
        due = round(line.far)
        line.far += min(takes / 2, 1000 / _FAR_PER_SECOND * len(self._lines))
        return due

    def _line(self, name: Hashable) -> _Line | None:
        line = self._lines.get(name)
        if line is None and len(self._lines) < _MOST:
            line = self._lines[name] = _Line()
        return line

    def _renew(self, now: int) -> None:
        """Forget lines that are over; and all of them when the clock was set back: none would seem to end."""
        if now < self._now - _STEP_MS:
            self._lines.clear()
            self._looked_at = now
        self._now = now
        if len(self._lines) < self._look_at or now < self._looked_at + _STEP_MS:
            return
        self._lines = {name: line for name, line in self._lines.items() if max(line.served, line.far) > now}
        self._look_at, self._looked_at = min(max(_LOOK_AT, 2 * len(self._lines)), _MOST), now
