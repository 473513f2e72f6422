"""The tasks at hand: who goes next, who rests until when, and whose time is over.

Pure bookkeeping: no clock, no I/O. The backlog stays in Kafka; this holds a bounded part of it.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from dispatchers.lines import Item, Line, Partition
from dispatchers.paces import account_pace, breaker
from dispatchers.ready import Alarm, Deadlines, Turns
from dispatchers.shares import PROBES, RESTS_MS, STAY_MS, Leaving, Shares, leaving
from ledger.claims import Pace
from ledger.days import is_day
from ledger.places import SOONEST_MS
from schemas.lanes import Lane
from schemas.tasks import Task


class Window:
    """The tasks of all assigned partitions of one process.

    `quota(sender)` bounds how many of a sender's tasks leave at once: an intent stands for each of them
    while it waits for its slot, and a standing intent must be called unknown if the ledger is lost.
    `names(task)` is all that may hold it up, each by the name that `rest_pace` is told (`dispatchers.paces`),
    and `paces(task)` those of them that have a rate.
    """

    def __init__(
        self,
        quota: Callable[[str], int],
        room: int,
        names: Callable[[Task], tuple[str, ...]],
        paces: Callable[[Task], tuple[Pace, ...]],
    ) -> None:
        self._quota = quota
        self._names = names
        self._paces = paces
        self._room = room
        self._shares = Shares(room)
        self._lines: dict[Partition, Line] = {}
        self._turns = {lane: Turns() for lane in Lane}
        self._alarms: list[Alarm] = []
        self._deadlines = Deadlines()
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
        dropped = [item for turns in self._turns.values() for item in turns if item.line.revoked]
        for item in dropped:
            self._turns[item.task.lane].remove(item)
        dropped += [alarm.item for alarm in self._alarms if _gone(alarm.item)]
        self._alarms = [alarm for alarm in self._alarms if not _gone(alarm.item)]
        heapq.heapify(self._alarms)
        for item in dropped:
            self._shares.leave(item)
        return dropped

    def line(self, partition: Partition) -> Line | None:
        """The partition's line, None if it is not ours."""
        return self._lines.get(partition)

    def full(self, partition: Partition) -> bool:
        """Whether no more of the partition should be read for now."""
        line = self._lines.get(partition)
        # Beyond the room only each sender's one comes in, what is over, and what is on its way out.
        return line is not None and len(line) >= 2 * self._room

    def offer(self, item: Item, now: int) -> Leaving | None:
        """A task has been read: it stays at hand (None), or it goes to wait for its turn elsewhere."""
        if (gone := self._leaving(item, now)) is None:
            self.add(item, now)
        return gone

    def add(self, item: Item, now: int) -> None:
        """A task is at hand, whatever else is: ready, or resting until `not_before`."""
        item.since = now
        if item.task.not_before > now:
            self.rest(item, min(item.task.not_before, item.late_from))
        else:
            self._push(item)

    def overstaying(self, now: int) -> list[Leaving]:
        """Ready items that are at hand for too long, or whose pace or breaker rests for long: they leave.

        Intents that stand for them are to be voided.
        """
        found: list[Leaving] = []
        probes: Counter[str] = Counter()
        for item in (item for turns in self._turns.values() for item in turns if item.late_from > now):
            rests_until, overstays = self._rests_long(item.task, now), item.since + STAY_MS <= now
            if not overstays and self._probes(item.task, rests_until, probes[item.task.account]):
                probes[item.task.account] += item.task.segments
            elif rests_until or overstays:
                gone = leaving(item, self._paces(item.task), (), rests_until)
                found.append(self._held_up(gone, now))
        for one in found:
            self._turns[one.item.task.lane].remove(one.item)
            self._shares.leave(one.item)
        return found

    def take(self, most: int, now: int) -> list[Item]:
        """Up to `most` items to be handed over now: immediate before queued, senders in turn."""
        self._wake(now)
        taken: list[Item] = []
        left: dict[str, int] = {}

        def may(item: Item) -> bool:
            sender = item.task.sender
            if sender not in left:
                left[sender] = self._quota(sender)
            # What is late is for `take_late`.
            in_time = item.late_from > now
            return in_time and left[sender] > 0 and self._rested(item.task, now)

        for lane in Lane:
            if len(taken) >= most:
                break
            for item in self._turns[lane].take(may):
                left[item.task.sender] -= 1
                self._shares.leave(item)
                taken.append(item)
                if len(taken) >= most:
                    break
        return taken

    def take_late(self, most: int, now: int) -> list[Item]:
        """Up to `most` ready items whose time is over, whatever their pace: nothing of theirs can leave."""
        self._wake(now)
        late: list[Item] = []
        while len(late) < most and (item := self._deadlines.pop(now)):
            if self._turns[item.task.lane].remove(item):
                self._shares.leave(item)
                late.append(item)
        return late

    def put_back(self, items: Iterable[Item]) -> list[Item]:
        """Taken items that have to wait for their slot: first of their sender again, in their order.

        Returns those whose partition has gone in between; they are forgotten.
        """
        dropped = []
        for item in reversed(list(items)):
            if item.line.revoked:
                dropped.append(item)
            else:
                self._push(item, front=True)
        return dropped

    def rest(self, item: Item, until: int) -> None:
        """The item comes back at `until`, behind the others of its sender."""
        if not item.line.revoked:
            self._enter(item)
            heapq.heappush(self._alarms, Alarm(until, next(self._numbers), item))

    def rest_pace(self, pace: str, until: int) -> None:
        """A pace, or a breaker, lets nothing of what it holds up go before `until`."""
        self._resting[pace] = until

    def stopped(self, task: Task, now: int) -> bool:
        """Whether the breaker of its account lets nothing go now, as far as is known here."""
        return self._resting.get(breaker(task.account), 0) > now

    def standing(self) -> list[Item]:
        """Items for which an intent stands while they wait for their slot."""
        return [item for turns in self._turns.values() for item in turns if item.nonce]

    def next_due(self, now: int) -> int | None:
        """When something that rests may go; None if nothing rests."""
        for pace in [pace for pace, until in self._resting.items() if until <= now]:
            del self._resting[pace]
        alarms = [alarm.at for alarm in self._alarms[:1]]
        deadline = self._deadlines.first(lambda item: item in self._turns[item.task.lane])
        return min([*self._resting.values(), *alarms, *deadline], default=None)

    def waiting(self, now: int) -> dict[Lane, tuple[int, int]]:
        """Of each lane how many are ready, and since when the oldest might have gone; `now` if none is."""
        return {
            lane: (len(since := [item.waiting_since for item in turns]), min(since, default=now))
            for lane, turns in self._turns.items()
        }

    def lines(self) -> list[Line]:
        """The lines of all partitions that are ours."""
        return list(self._lines.values())

    def _rested(self, task: Task, now: int) -> bool:
        # Most often nothing rests: then nobody needs names.
        return not self._resting or all(self._resting.get(name, 0) <= now for name in self._names(task))

    def _wake(self, now: int) -> None:
        while self._alarms and self._alarms[0].at <= now:
            self._push(heapq.heappop(self._alarms).item)

    def _leaving(self, item: Item, now: int) -> Leaving | None:
        if item.late_from <= now:
            return None  # it only has to be told
        crowded, rests_until = self._shares.crowded(item), self._rests_long(item.task, now)
        if item.late_from - now <= SOONEST_MS and not crowded:
            return None  # it would be over before it is back
        paces = self._paces(item.task)
        used_up = self._shares.used_up(item, paces)
        at_hand = self._shares.at_hand(account_pace(item.task.account))
        if not crowded and not used_up and self._probes(item.task, rests_until, at_hand):
            return None
        if not (crowded or used_up or rests_until):
            return None
        gone = leaving(item, paces, used_up, rests_until)
        return self._held_up(gone, now)

    def _held_up(self, gone: Leaving, now: int) -> Leaving:
        """It leaves; by what of its sender it is held up."""
        task = gone.item.task
        capped = any(
            is_day(name) and self._resting.get(name, 0) - now > RESTS_MS for name in self._names(task)
        )
        return replace(gone, stopped=self.stopped(task, now), capped=capped)

    def _rests_long(self, task: Task, now: int) -> int:
        """Until when it has to rest, if that is worth a way through the waiting topics; else 0."""
        if not self._resting:
            return 0
        until = max(self._resting.get(name, 0) for name in self._names(task))
        return until if until - now > RESTS_MS else 0

    def _probes(self, task: Task, rests_until: int, others: int) -> bool:
        """Whether it stays to probe: only its breaker rests, and few `others` of the account are there to."""
        return 0 < rests_until == self._resting.get(breaker(task.account)) and others < PROBES

    def _enter(self, item: Item) -> None:
        self._shares.leave(item)
        self._shares.enter(item, self._paces(item.task))

    def _push(self, item: Item, *, front: bool = False) -> None:
        self._enter(item)
        self._turns[item.task.lane].push(item, front=front)
        self._deadlines.add(item)


def _gone(item: Item) -> bool:
    return item.line.revoked
