"""What the window has ready may go now, or not: the directory may have changed since it was accepted.

Decided for every batch, of tasks that have waited for their slot, too; of new ones before their intent.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from directory import at_handover, caps, quiet
from directory.snapshot import Directory
from dispatchers.failover import GivenUp, Trouble, may_fail_over, may_replace
from dispatchers.journal import later
from dispatchers.lines import Item
from dispatchers.shares import RESTS_MS
from dispatchers.steps import Steps, hand_back
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger.claims import is_unknown
from ledger.expiring import Ended
from schemas.base import Millis
from schemas.facts import ClosedWhy
from schemas.failpoints import Point, reached
from schemas.tasks import Task

log = logging.getLogger(__name__)

#: A message of more segments than a day cap is asked about again after this.
TOO_LONG_MS: Final = 300_000


@dataclass(frozen=True, slots=True)
class Forbidden:
    """It may not go any more."""

    why: ClosedWhy


@dataclass(frozen=True, slots=True)
class Quiet:
    """It may go from `until` on, milliseconds since the epoch, or is asked about again then."""

    until: Millis


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """It goes another way, which `route` chooses."""

    given_up: GivenUp


def judged(directory: Directory, task: Task, now: Millis) -> Forbidden | Elsewhere | Quiet | None:
    """What keeps `task` from going at `now`; None: nothing does. An answer to a text goes at any time."""
    why = at_handover.forbidden(directory, task)
    if why is not None:
        if why in at_handover.SENDER_IS and may_replace(task, now):
            return Elsewhere(GivenUp(at_handover.SENDER_IS[why], Trouble.REFUSED))
        return Forbidden(why)
    account = at_handover.moved(directory, task)
    if account is not None:
        return Elsewhere(GivenUp(f"its number has moved to account {account}", Trouble.MOVED))
    return _too_long(directory, task, now) or _quiet(directory, task, now)


def _too_long(directory: Directory, task: Task, now: Millis) -> Elsewhere | Quiet | None:
    """More segments than a day cap has: asked for, it would only have all others of that cap rest."""
    most = caps.most(directory, task.sender)
    if most is None or task.segments <= most:
        return None
    if may_fail_over(task, now):
        return Elsewhere(GivenUp(f"it may send {most} segments a day", Trouble.NUMBER))
    # The cap may be raised.
    return Quiet(now + TOO_LONG_MS)


def _quiet(directory: Directory, task: Task, now: Millis) -> Quiet | None:
    if task.confirms:
        return None
    until = quiet.until(directory, task.organization, task.use_case_id, task.to_number, now)
    return None if until is None else Quiet(until)


class Forget(Protocol):
    """Takes the nonce from an item, whose intent is voided with the next batch (rule 7)."""

    def __call__(self, item: Item, *, stands: bool) -> None:
        """Nothing is voided of an item without a nonce, nor of one whose intent `stands` all the same."""


class Gate:
    """Lets through what may go; what may not ends or gets another sender, and what is held back goes to wait.

    `forget` is called of each that does not go.
    """

    def __init__(self, window: Window, tools: Tools, forget: Forget) -> None:
        self._window = window
        self._tools = tools
        self._forget = forget
        self._steps = Steps(window, tools)

    async def through(self, items: Sequence[Item]) -> set[Item]:
        """Those that may go. The claims of all of them were found such that they may be won."""
        directory, now = self._tools.accounts.directory, self._tools.now()
        may: set[Item] = set()
        ended: list[tuple[Item, ClosedWhy]] = []
        moved: list[tuple[Item, GivenUp]] = []
        held: list[tuple[Item, Millis]] = []
        for item in items:
            match judged(directory, item.task, now):
                case None:
                    may.add(item)
                case Elsewhere(given_up=given_up):
                    moved.append((item, given_up))
                case Forbidden(why=why):
                    ended.append((item, why))
                case Quiet(until=until):
                    held.append((item, until))
        await self._end(ended)
        await self._fail_over(moved)
        await self._hold(held, now)
        return may

    async def _end(self, ended: Sequence[tuple[Item, ClosedWhy]]) -> None:
        """As what comes too late: the claim is closed, then it is told, then the task is finished."""
        if not ended:
            return
        asks = [_ended(item.task, why) for item, why in ended]
        found = await self._tools.ask(lambda ledger: ledger.refuse(asks))
        for (item, why), looked in zip(ended, found, strict=True):
            log.info(
                "dispatch.forbidden message=%s sender=%s: %s", item.task.message_id, item.task.sender, why
            )
            # Rule 7: an intent that closed(unknown) refuses is not voided.
            self._forget(item, stands=is_unknown(looked.claim))
        items = [item for item, _ in ended]
        self._window.put_back(await self._steps.do(list(zip(items, found, strict=True)), late=True))

    async def _fail_over(self, moved: Sequence[tuple[Item, GivenUp]]) -> None:
        """No attempt was made. Where `route` has no other way, they come back to be judged again."""
        for item, _ in moved:
            self._forget(item, stands=False)
        await hand_back(moved, self._tools)

    async def _hold(self, held: Sequence[tuple[Item, Millis]], now: Millis) -> None:
        """Until then, or until its time is over; then it comes back to be told so."""
        leaving: list[tuple[Item, Millis]] = []
        for item, until in held:
            self._forget(item, stands=False)
            # What is quiet for no longer rests at hand: the way through the waiting topics takes as long.
            due = min(until, item.late_from)
            if due - now <= RESTS_MS:
                self._window.rest(item, due)
            else:
                leaving.append((item, due))
        if not leaving:
            return
        await self._tools.journal.write([later(_waiting(item, due), due) for item, due in leaving])
        reached(Point.DISPATCH_DEFERRED)
        for item, _ in leaving:
            item.finish()


def _ended(task: Task, why: ClosedWhy) -> Ended:
    return Ended(task.message_id, task.attempt, task.how, why, task.forget_at)


def _waiting(item: Item, due: Millis) -> Task:
    """Its last hop may be early. Its place in a line is lost: it is a newcomer when it comes back."""
    return item.task.model_copy(update={"record": item.record, "not_before": due, "turn": None})
