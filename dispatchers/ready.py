"""Which of the tasks at hand come next: senders in turn, what rests until a moment, what becomes late."""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from dispatchers.lines import Item


class Turns:
    """Ready items by sender; senders take turns, each in its own order."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, OrderedDict[Item, None]] = OrderedDict()

    def push(self, item: Item, *, front: bool = False) -> None:
        """It is ready, behind the others of its sender; or before them, and its sender is the next.

        Who had its turn and found no slot is next. Else, of those who share an account that has one slot at a
        time, the first would always have it.
        """
        queue = self._queues.setdefault(item.task.sender, OrderedDict())
        queue[item] = None
        if front:
            queue.move_to_end(item, last=False)
            self._queues.move_to_end(item.task.sender, last=False)

    def remove(self, item: Item) -> bool:
        """Whether it was there."""
        queue = self._queues.get(item.task.sender, OrderedDict())
        if item not in queue:
            return False
        del queue[item]
        if not queue:
            del self._queues[item.task.sender]
        return True

    def take(self, may: Callable[[Item], bool]) -> Iterator[Item]:
        """One item after the other, senders in turn, of those that `may` lets; asks again before each."""
        turns = deque(self._queues)
        while turns:
            sender = turns.popleft()
            if not may(next(iter(self._queues[sender]))):
                continue
            queue = self._queues.pop(sender)
            item, _ = queue.popitem(last=False)
            if queue:
                self._queues[sender] = queue  # behind the others: also when the next batch is taken
                turns.append(sender)
            yield item

    def __iter__(self) -> Iterator[Item]:
        return (item for queue in self._queues.values() for item in queue)

    def __contains__(self, item: Item) -> bool:
        return item in self._queues.get(item.task.sender, ())


@dataclass(order=True)
class Alarm:
    """Something happens to an item at a moment; of one moment, first come first."""

    at: int
    number: int
    item: Item = field(compare=False)


class Deadlines:
    """When each ready item becomes late, soonest first."""

    def __init__(self) -> None:
        self._alarms: list[Alarm] = []
        self._there: set[Item] = set()
        self._numbers = count()
        self._sweep_at = 1000

    def add(self, item: Item) -> None:
        """It is ready; nothing happens if that is known."""
        if item in self._there:
            return
        if len(self._alarms) >= self._sweep_at:
            self._sweep()
        self._there.add(item)
        heapq.heappush(self._alarms, Alarm(item.late_from, next(self._numbers), item))

    def pop(self, now: int) -> Item | None:
        """One that is late at `now`; it may have left the window."""
        if not self._alarms or self._alarms[0].at > now:
            return None
        item = heapq.heappop(self._alarms).item
        self._there.discard(item)
        return item

    def first(self, ready: Callable[[Item], bool]) -> list[int]:
        """When the first of the `ready` ones becomes late, if there is one; those before it are forgotten."""
        while self._alarms and not ready(self._alarms[0].item):
            self._there.discard(heapq.heappop(self._alarms).item)
        return [alarm.at for alarm in self._alarms[:1]]

    def _sweep(self) -> None:
        # Those that are finished leave their entries behind, for as long as they would have been valid.
        self._alarms = [a for a in self._alarms if not (a.item.finished or a.item.line.revoked)]
        heapq.heapify(self._alarms)
        self._there = {alarm.item for alarm in self._alarms}
        self._sweep_at = 1000 + 2 * len(self._alarms)
