"""Who may stay at hand, and when those who may not come back (docs/dispatchers.md). Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dispatchers.lines import Item
from dispatchers.paces import number_pace
from ledger.claims import Pace
from ledger.places import SHARE_SECONDS, SOONEST_MS, Line, Place, Wish
from schemas.lanes import Lane

#: Those whose turn has come find so many times that, or newcomers would always be there before them.
_IN_TURN: Final = 2
#: Nothing goes to wait for a pace that rests shorter than this; what does comes back that much early.
_BACK_EARLY_MS: Final = 5_000
RESTS_MS: Final = SOONEST_MS + _BACK_EARLY_MS
#: In so many parts of that time.
_SPREAD: Final = 50
#: Nothing ready is at hand for longer: commits would stand still meanwhile.
STAY_MS: Final = 60_000
#: Who comes back in vain comes again within this: what held it up may be over any moment.
_LONGEST_MS: Final = 60_000
#: So many segments of an account stay while its breaker rests: nobody else would find out that it may close.
PROBES: Final = 10


@dataclass
class _Crowd:
    """What one pace has at hand, in segments, by sender."""

    total: int = 0
    by_sender: Counter[str] = field(default_factory=Counter)

    def add(self, sender: str, segments: int) -> None:
        self.total += segments
        self.by_sender[sender] += segments
        if not self.by_sender[sender]:
            del self.by_sender[sender]

    def has_room(self, sender: str, share: float) -> bool:
        """For one more of `sender`: within the share, or within its even part of it, or as its only one."""
        own = self.by_sender.get(sender, 0)
        senders = len(self.by_sender) + (own == 0)
        return self.total < share or own < share / senders or own == 0


class Shares:
    """What is at hand, counted by what it counts against.

    Immediate tasks find the room that other immediate ones leave them, whatever is queued.

    Args:
        room: tasks of one partition.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._crowds: dict[tuple[str, Lane], _Crowd] = {}
        self._counted: dict[Item, tuple[tuple[str, int], ...]] = {}

    def enter(self, item: Item, paces: Iterable[Pace]) -> None:
        """It is at hand from now on, and counts against these."""
        counts = (*((pace.key, item.task.segments) for pace in paces), (_partition(item), 1))
        self._counted[item] = counts
        self._count(item, counts, 1)

    def leave(self, item: Item) -> None:
        """It is not at hand any more: gone, or being handed over."""
        self._count(item, self._counted.pop(item, ()), -1)

    def __len__(self) -> int:
        return len(self._counted)

    def at_hand(self, pace: str, lane: Lane = Lane.QUEUED) -> int:
        """Segments that count against a pace, as a task of that lane sees it."""
        crowd = self._crowds.get((pace, lane))
        return crowd.total if crowd else 0

    def crowded(self, item: Item) -> bool:
        """Whether its partition has no room for it."""
        return not self._has_room(item, _partition(item), self._room)

    def used_up(self, item: Item, paces: Iterable[Pace]) -> tuple[Pace, ...]:
        """Those of its paces that have no room for it."""
        seconds = SHARE_SECONDS * (_IN_TURN if item.task.turn else 1)
        return tuple(pace for pace in paces if not self._has_room(item, pace.key, pace.rate * seconds))

    def _has_room(self, item: Item, name: str, share: float) -> bool:
        crowd = self._crowds.get((name, item.task.lane))
        return crowd is None or crowd.has_room(item.task.sender, share)

    def _count(self, item: Item, counts: Iterable[tuple[str, int]], sign: int) -> None:
        for name, segments in counts:
            for lane in _seen_by(item.task.lane):
                crowd = self._crowds.setdefault((name, lane), _Crowd())
                crowd.add(item.task.sender, sign * segments)
                if not crowd.total:
                    del self._crowds[name, lane]


@dataclass(frozen=True, slots=True)
class Leaving:
    """A task that goes to wait, and in which lines it asks for a place."""

    item: Item
    wish: Wish
    #: Not back before this moment, whatever its place: a pace or its breaker rests. 0: none does.
    not_before: int = 0
    #: The breaker of its account is open: another account may be of more use.
    stopped: bool = False
    #: One of its day caps is used up: another number may be of more use.
    capped: bool = False

    def back_at(self, place: Place, now: int) -> tuple[int, int | None]:
        """When it comes back, and when its turn comes (None: it has no place yet)."""
        task = self.item.task
        own_turn = now + place.ms if place.is_turn else None
        at = max(now + place.ms, now + self._in_vain(now), self.not_before, task.not_before)
        # What is over by then comes back to be told so; there is no sooner than this.
        at = min(at, max(self.item.late_from, now + SOONEST_MS))
        return at, task.turn or own_turn

    def _in_vain(self, now: int) -> int:
        """Who comes back in vain waits as long again, not 11 s: a provider may be slow, a pace lowered.

        But not for long, nor for most of what is left to it. Who finds a rest knows when that is over.
        """
        turn = self.item.task.turn
        if turn is None or self.not_before:
            return SOONEST_MS
        most = min(_LONGEST_MS, (self.item.late_from - now) // 2)
        return max(SOONEST_MS, min(now - turn, most))


def leaving(item: Item, paces: tuple[Pace, ...], used_up: tuple[Pace, ...], rests_until: int) -> Leaving:
    """Where it asks for a place: newcomers in their number's line, others in those that had no room.

    A newcomer's line is its sender's even where it is an account that has no room: others of that account
    would stand behind everything that its busiest sender queued before.
    """
    task = item.task
    lines: tuple[Line, ...]
    if task.turn is None:
        rate = min((pace.rate for pace in paces), default=1.0)
        lines = (Line(_line(number_pace(task.sender), task.lane), rate),)
    else:
        lines = tuple(Line(_line(pace.key, task.lane), pace.rate) for pace in used_up)
    # What route has put away has been away, too.
    wish = Wish(lines, task.segments, again=task.record is not None or task.turn is not None)
    return Leaving(item, wish, rests_until - _early(item) if rests_until else 0)


def _early(item: Item) -> int:
    """How long before a rest is over it comes back: not all at once."""
    return _BACK_EARLY_MS - item.offset % _SPREAD * (_BACK_EARLY_MS // _SPREAD)


def _line(pace: str, lane: Lane) -> str:
    return f"{pace}:{lane}"


def _partition(item: Item) -> str:
    topic, partition = item.line.partition
    return f"{topic}[{partition}]"


def _seen_by(lane: Lane) -> Iterator[Lane]:
    yield lane
    if lane is Lane.IMMEDIATE:
        yield Lane.QUEUED
