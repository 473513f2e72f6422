"""The tasks at hand: who goes next, who rests until when, and how far each partition may be committed.

Pure bookkeeping: no clock, no I/O. The backlog stays in Kafka; this holds a bounded part of it.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from schemas.messages import Lane
from schemas.tasks import How, RecordId, Task

Partition = tuple[str, int]


class GapError(Exception):
    """Records of a partition were skipped. Nothing may be committed past them; the process must end."""


class Line:
    """One partition since it was assigned: which of its offsets are unfinished.

    An item keeps its line, so what finishes after the partition has moved away counts for nothing.
    """

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.revoked = False
        self._unfinished: dict[int, None] = {}  # in the order of the log
        self._first: int | None = None
        self._next: int | None = None
        self._start: int | None = None
        self._committed: int | None = None

    def __len__(self) -> int:
        return len(self._unfinished)

    def begin(self, start: int) -> None:
        """The group's commit, or the log's beginning, is `start`: the first record to be read.

        Raises:
            GapError: another one was read first.
        """
        self._start = start
        self._check(self._first)

    def open(self, offset: int) -> None:
        """A record has been read.

        Raises:
            GapError: it is not the next one.
        """
        if self._next is None:
            self._first = offset
            self._check(offset)
        elif offset != self._next:
            raise GapError(f"{self.partition}: read {offset}, and {self._next} was next")
        self._unfinished[offset] = None
        self._next = offset + 1

    def _check(self, first: int | None) -> None:
        if first is not None and self._start is not None and first != self._start:
            raise GapError(f"{self.partition}: read {first} first, and {self._start} was next")

    def finish(self, offset: int) -> None:
        """Nothing more will be done about the record at `offset`."""
        self._unfinished.pop(offset, None)

    def due(self) -> int | None:
        """The lowest unfinished offset, if that is not what was committed last."""
        lowest = next(iter(self._unfinished), self._next)
        return None if lowest == self._committed else lowest

    def committed(self, offset: int) -> None:
        """The group's commit stands at `offset`."""
        self._committed = offset


@dataclass(eq=False)
class Item:
    """A task at hand. `nonce` is set while an intent for it stands."""

    line: Line
    offset: int
    task: Task
    nonce: str | None = None

    @property
    def record(self) -> RecordId:
        """The identity of the task: its first record's, carried through waiting."""
        if self.task.record is not None:
            return self.task.record
        topic, partition = self.line.partition
        return RecordId(topic=topic, partition=partition, offset=self.offset)

    def retry_as(self, attempt: int, *, maybe_sent: bool, not_before: int = 0) -> None:
        """The same task, identified by the same record, as a later attempt."""
        self.task = self.task.model_copy(
            update={
                "attempt": attempt,
                "how": How.AFTER_UNKNOWN if maybe_sent else How.PLAIN,
                "record": self.record,
                "not_before": not_before,
            }
        )

    def finish(self) -> None:
        """Nothing more will be done about it."""
        self.line.finish(self.offset)


class _Turns:
    """Ready items by sender; senders take turns, each in its own order."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Item]] = {}

    def push(self, item: Item, *, front: bool = False) -> None:
        queue = self._queues.setdefault(item.task.sender, deque())
        if front:
            queue.appendleft(item)
        else:
            queue.append(item)

    def take(self, may: Callable[[Item], bool]) -> Iterator[Item]:
        """One item after the other, senders in turn, of those that `may` lets; asks again before each."""
        turns = deque(self._queues)
        while turns:
            sender = turns.popleft()
            if not may(self._queues[sender][0]):
                continue
            queue = self._queues.pop(sender)
            item = queue.popleft()
            if queue:
                self._queues[sender] = queue  # behind the others: also when the next batch is taken
                turns.append(sender)
            yield item

    def __iter__(self) -> Iterator[Item]:
        return (item for queue in self._queues.values() for item in queue)

    def drop(self, gone: Callable[[Item], bool]) -> list[Item]:
        dropped: list[Item] = []
        for sender, queue in list(self._queues.items()):
            dropped += filter(gone, queue)
            kept = deque(item for item in queue if not gone(item))
            if kept:
                self._queues[sender] = kept
            else:
                del self._queues[sender]
        return dropped


def number_pace(sender: str) -> str:
    """What the pace of a number is called."""
    return f"number:{sender}"


def account_pace(account: str) -> str:
    """What the pace of an account is called."""
    return f"account:{account}"


@dataclass(order=True)
class _Alarm:
    at: int
    number: int
    item: Item = field(compare=False)


class Window:
    """The tasks of all assigned partitions of one process.

    `quota(sender)` bounds how many of a sender's tasks leave at once: an intent stands for each of them
    while it waits for its slot, and a standing intent must be called unknown if the ledger is lost.
    """

    def __init__(self, quota: Callable[[str], int], room: int) -> None:
        self._quota = quota
        self._room = room
        self._lines: dict[Partition, Line] = {}
        self._turns = {lane: _Turns() for lane in Lane}
        self._alarms: list[_Alarm] = []
        self._resting: dict[str, int] = {}  # pace -> until when it lets nothing go
        self._numbers = count()

    def assign(self, partition: Partition) -> Line:
        """A partition is ours from now on, and starts from its commit."""
        line = self._lines[partition] = Line(partition)
        return line

    def revoke(self, partitions: Iterable[Partition]) -> list[Item]:
        """Partitions are no longer ours: forget what is at hand of them and not being handed over.

        Returns the forgotten items; intents that stand for them are to be voided.
        """
        for partition in partitions:
            if line := self._lines.pop(partition, None):
                line.revoked = True
        dropped = [item for turns in self._turns.values() for item in turns.drop(_gone)]
        dropped += [alarm.item for alarm in self._alarms if _gone(alarm.item)]
        self._alarms = [alarm for alarm in self._alarms if not _gone(alarm.item)]
        heapq.heapify(self._alarms)
        return dropped

    def line(self, partition: Partition) -> Line | None:
        """The partition's line, None if it is not ours."""
        return self._lines.get(partition)

    def full(self, partition: Partition) -> bool:
        """Whether no more of the partition should be read for now."""
        line = self._lines.get(partition)
        return line is not None and len(line) >= self._room

    def add(self, item: Item, now: int) -> None:
        """A task has been read; it is ready, or rests until `not_before`."""
        if item.task.not_before > now:
            self.rest(item, item.task.not_before)
        else:
            self._turns[item.task.lane].push(item)

    def take(self, most: int, now: int) -> list[Item]:
        """Up to `most` items to be handed over now: immediate before queued, senders in turn."""
        self._wake(now)
        taken: list[Item] = []
        left: dict[str, int] = {}

        def may(item: Item) -> bool:
            sender = item.task.sender
            if sender not in left:
                left[sender] = self._quota(sender)
            paces = (number_pace(sender), account_pace(item.task.account))
            return left[sender] > 0 and all(self._resting.get(pace, 0) <= now for pace in paces)

        for lane in Lane:
            if len(taken) >= most:
                break
            for item in self._turns[lane].take(may):
                left[item.task.sender] -= 1
                taken.append(item)
                if len(taken) >= most:
                    break
        return taken

    def put_back(self, items: Iterable[Item]) -> list[Item]:
        """Taken items that have to wait for their slot: first of their sender again, in their order.

        Returns those whose partition has gone in between; they are forgotten.
        """
        dropped = []
        for item in reversed(list(items)):
            if item.line.revoked:
                dropped.append(item)
            else:
                self._turns[item.task.lane].push(item, front=True)
        return dropped

    def rest(self, item: Item, until: int) -> None:
        """The item comes back at `until`, behind the others of its sender."""
        if not item.line.revoked:
            heapq.heappush(self._alarms, _Alarm(until, next(self._numbers), item))

    def rest_pace(self, pace: str, until: int) -> None:
        """A pace (of a number, or of an account: then all its senders) lets nothing go before `until`."""
        self._resting[pace] = until

    def standing(self) -> list[Item]:
        """Items for which an intent stands while they wait for their slot."""
        return [item for turns in self._turns.values() for item in turns if item.nonce]

    def next_due(self, now: int) -> int | None:
        """When something that rests may go; None if nothing rests."""
        for pace in [pace for pace, until in self._resting.items() if until <= now]:
            del self._resting[pace]
        return min([*self._resting.values(), *(alarm.at for alarm in self._alarms[:1])], default=None)

    def lines(self) -> list[Line]:
        """The lines of all partitions that are ours."""
        return list(self._lines.values())

    def _wake(self, now: int) -> None:
        while self._alarms and self._alarms[0].at <= now:
            item = heapq.heappop(self._alarms).item
            self._turns[item.task.lane].push(item)


def _gone(item: Item) -> bool:
    return item.line.revoked
