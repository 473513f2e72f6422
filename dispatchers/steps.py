"""What tasks do about the claims that they find: taken over, said again, looked at later, finished.

And what is done with those that another sender may take over before an attempt of theirs was made.
"""

import logging
from collections.abc import Sequence
from typing import assert_never

from dispatchers import policy, unknown
from dispatchers.failover import GivenUp, failing_over
from dispatchers.journal import ambiguous_fact, closed_fact, outcome_fact
from dispatchers.lines import Item
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger.claims import Closed, Looked, Open, is_unknown
from schemas.facts import AmbiguousFact, AnyFact
from schemas.failpoints import Point, reached
from schemas.messages import Failover
from schemas.provider import Unavailable

log = logging.getLogger(__name__)


class Steps:
    """Takes the steps that `policy.step` names, for a batch of tasks."""

    def __init__(self, window: Window, tools: Tools) -> None:
        self._window = window
        self._tools = tools

    async def do(self, found: Sequence[tuple[Item, Looked]], *, late: bool = False) -> list[Item]:
        """Do what each claim asks for; the items that may go. `late`: their time is over (`policy.step`)."""
        going: list[Item] = []
        lost: list[tuple[Item, AmbiguousFact]] = []
        ended: list[tuple[Item, AnyFact]] = []
        over: list[Item] = []
        now = self._tools.now()
        for item, looked in found:
            match policy.step(item.task, item.record, looked, late=late):
                case policy.Go():
                    going.append(item)
                case policy.ComeBack():
                    self._window.rest(item, now + policy.COME_BACK_MS)
                case policy.TakeOver():
                    over.append(item)
                case policy.SayUnknown(claim=claim):
                    lost.append((item, _unknown_again(item, claim, now)))
                case policy.SayClosed(claim=claim):
                    ended.append((item, closed_fact(item, claim.why, now)))
                case policy.RetryAgain(claim=claim):
                    await self._retry_again(item, claim)
                    going.append(item)
                case policy.Done():
                    item.finish()
                case never:
                    assert_never(never)
        await self._take_over(over)
        await self._end_unknown(lost)
        await self._end(ended)
        return going

    async def _retry_again(self, item: Item, claim: Open) -> None:
        """The claim was opened for a retry by this very record; that may not have been said yet."""
        item.retry_as(claim.attempt - 1, maybe_sent=claim.maybe_sent)
        again = Unavailable(detail="it was to be tried again when the process was interrupted")
        await self._tools.journal.write([outcome_fact(item, again, "", self._tools.now())])
        item.retry_as(claim.attempt, maybe_sent=claim.maybe_sent)

    async def _take_over(self, items: Sequence[Item]) -> None:
        """Rule 4: `closed(unknown)`, then it is told with what follows, then finished."""
        if not items:
            return
        claims = await self._tools.ask(lambda ledger: ledger.take_over(ids(items)))
        reached(Point.DISPATCH_TAKEN_OVER)
        lost: list[tuple[Item, AmbiguousFact]] = []
        for item, claim in zip(items, claims, strict=True):
            if is_unknown(claim):
                lost.append((item, _unknown_again(item, claim, self._tools.now())))
            else:
                self._window.rest(item, self._tools.now())
        await self._end_unknown(lost)

    async def _end_unknown(self, lost: Sequence[tuple[Item, AmbiguousFact]]) -> None:
        await unknown.tell(lost, self._tools)
        for item, _ in lost:
            item.finish()

    async def _end(self, facts: Sequence[tuple[Item, AnyFact]]) -> None:
        if facts:
            await self._tools.journal.write([fact for _, fact in facts])
        for item, _ in facts:
            item.finish()


async def hand_back(moved: Sequence[tuple[Item, GivenUp]], tools: Tools) -> None:
    """Ask `route` for another sender of each, and why; no attempt was made. Its task is finished by that.

    Where `route` has no other sender the task comes back.
    """
    if not moved:
        return
    asked = [failing_over(item.task, item.record, one.why, one.trouble) for item, one in moved]
    for one in asked:
        log_failover(one)
    await tools.journal.write(asked)
    reached(Point.DISPATCH_FAILED_OVER)
    for item, _ in moved:
        item.finish()


def log_failover(asked: Failover) -> None:
    """For operators: which sender a message leaves, and why."""
    log.info("dispatch.failed-over message=%s sender=%s: %s", asked.message_id, asked.task.sender, asked.why)


def ids(items: Sequence[Item]) -> list[str]:
    """Their messages."""
    return [item.task.message_id for item in items]


def _unknown_again(item: Item, claim: Closed, now: int) -> AmbiguousFact:
    detail = "the process that handed it over was interrupted before it knew the outcome"
    return ambiguous_fact(item, claim, detail, now)
