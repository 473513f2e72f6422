"""What came of a hand-over: the fact, the claim and the retry, in the order that survives a crash."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dispatchers import failover, metrics, paces, policy, unknown
from dispatchers.journal import Written, ambiguous_fact, later, outcome_fact
from dispatchers.lines import Item
from dispatchers.steps import log_failover
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger.claims import Again, Closed, Own
from ledger.days import rests_on
from schemas.attempts import shown
from schemas.facts import AmbiguousFact, OutcomeFact
from schemas.failpoints import Point, reached
from schemas.messages import Failover
from schemas.provider import Accepted, Ambiguous, Outcome, Rejected, Throttled, Unavailable
from schemas.tasks import How

log = logging.getLogger(__name__)

_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Result:
    """What came of one hand-over."""

    item: Item
    nonce: str
    outcome: Outcome
    #: Else it came too late to be tried: that is our fault, and says nothing of the provider.
    in_time: bool = True
    #: The provider has refused the sender, and another one may be asked for: that ends nothing.
    leaves_sender: bool = False


@dataclass(frozen=True)
class _NotSent:
    """A hand-over that provably did not happen and is to be tried again, and the fact of it."""

    result: Result
    outcome: Throttled | Unavailable | Rejected
    fact: OutcomeFact

    def reopening(self) -> Again:
        """What the claim is asked for, so that the next attempt may be made."""
        item = self.result.item
        again = Again(_own(self.result), str(self.fact.record), shown(self.fact), counted=item.counted)
        if isinstance(self.outcome, Unavailable):
            return again
        if isinstance(self.outcome, Rejected):
            return replace(again, answered=True)
        task, pause = self.result.item.task, self.outcome.retry_after
        # The script has its own bound; this one keeps the number within an integer.
        pause_ms = None if pause is None else round(min(pause, _DAY_SECONDS) * 1000)
        slows = paces.throttled(task, self.outcome.code)
        return replace(again, answered=True, throttled=slows, pause_ms=pause_ms)


@dataclass(frozen=True)
class _Next:
    """Where a task goes that is tried again: to another sender, or to rest as `retry` says."""

    not_sent: _NotSent
    retry: policy.Retry
    #: Why it leaves its sender; None: it stays with it.
    given_up: failover.GivenUp | None

    @property
    def rests(self) -> bool:
        """In the window."""
        return self.given_up is None and self.retry.stays


class Settling:
    """Takes results to their end, as many at once as there are.

    What is definite is told by a loop that asks nothing of the ledger: a process that ends while that is
    away takes no answer with it.
    """

    def __init__(self, window: Window, tools: Tools, settled: Callable[[], None]) -> None:
        self._window = window
        self._tools = tools
        self._settled = settled
        self._results: asyncio.Queue[Result] = asyncio.Queue()
        #: What is left of them to do once the definite ones are told.
        self._told: asyncio.Queue[Result] = asyncio.Queue()
        #: Results that are not settled yet.
        self.open = 0

    def add(self, result: Result) -> None:
        """A call has ended."""
        task = result.item.task
        # Decided once: what it comes to must not change on the way.
        leaves = failover.refuses_sender(result.outcome) and failover.may_replace(task, self._tools.now())
        self._add(replace(result, leaves_sender=leaves))

    def _add(self, result: Result) -> None:
        self.open += 1
        self._results.put_nowait(result)

    async def run(self) -> None:
        """For ever: take what came of the calls to its end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell_known())
            group.create_task(self._settle())

    async def _tell_known(self) -> None:
        """Rule 5: first the fact is acknowledged, whatever becomes of the claim."""
        while True:
            batch = await _all_of(self._results)
            told: list[Written] = []
            for result in batch:
                if isinstance(result.outcome, Accepted | Rejected) and not result.leaves_sender:
                    fact = outcome_fact(result.item, result.outcome, result.nonce, self._tools.now())
                    told += [*self._tools.accounts.learned(fact, result.item.task.to_number), fact]
            if told:
                await self._tools.journal.write(told)
                reached(Point.DISPATCH_TOLD)
            for result in batch:
                self._told.put_nowait(result)

    async def _settle(self) -> None:
        while True:
            batch = await _all_of(self._told)
            await self._known(
                [r for r in batch if isinstance(r.outcome, Accepted | Rejected) and not r.leaves_sender]
            )
            await self._unknown([r for r in batch if isinstance(r.outcome, Ambiguous)])
            await self._retry(
                [r for r in batch if isinstance(r.outcome, Throttled | Unavailable) or r.leaves_sender]
            )
            self.open -= len(batch)
            self._settled()

    async def _known(self, results: Sequence[Result]) -> None:
        """Rule 5: the fact has been acknowledged; the claim is closed, then the task is finished."""
        if not results:
            return
        await self._tools.ask(lambda ledger: ledger.close([_own(r) for r in results]))
        reached(Point.DISPATCH_CLOSED)
        for result in results:
            _log(result)
            result.item.finish()

    async def _unknown(self, results: Sequence[Result]) -> None:
        """`closed(unknown)`, then it is told with what follows, then finished; or it is another's by now."""
        if not results:
            return
        ours = await self._tools.ask(lambda ledger: ledger.lose([_own(r) for r in results]))
        reached(Point.DISPATCH_LOST)
        facts: list[tuple[Item, AmbiguousFact]] = []
        for result, own in zip(results, ours, strict=True):
            _log(result)
            if own and isinstance(result.outcome, Ambiguous):
                claim = Closed("unknown", result.item.task.attempt, result.nonce)
                fact = ambiguous_fact(result.item, claim, result.outcome.detail, self._tools.now())
                facts.append((result.item, fact))
            else:
                metrics.CLAIMS_LOST.labels(result.item.task.provider).inc()
                self._window.rest(result.item, self._tools.now())
        await unknown.tell(facts, self._tools)
        for item, _ in facts:
            item.finish()

    async def _retry(self, results: Sequence[Result]) -> None:
        """Rule 5 for a retry: `open(attempt + 1)` first; nothing is said if the claim is another's by now."""
        if not results:
            return
        not_sent = [one for result in results if (one := _not_sent(result, self._tools.now()))]
        ours = await self._tools.ask(lambda ledger: ledger.reopen([one.reopening() for one in not_sent]))
        reached(Point.DISPATCH_REOPENED)
        retries: list[_Next] = []
        now = self._tools.now()
        for one, own in zip(not_sent, ours, strict=True):
            _log(one.result)
            if own:
                self._given_back(one.result.item, now)
                retries.append(self._next(one, now))
                continue
            metrics.CLAIMS_LOST.labels(one.result.item.task.provider).inc()
            if one.result.leaves_sender:
                # What is definite is told all the same, and ends its message: nobody will try another sender.
                self._add(replace(one.result, leaves_sender=False))
            else:
                self._window.rest(one.result.item, now)
        await self._tell(retries)

    def _given_back(self, item: Item, now: int) -> None:
        """There is room again below the day caps that it counted against: nobody need wait for midnight."""
        counted = item.counted.caps if item.counted else ()
        for cap in self._tools.accounts.caps(item.task) if counted else ():
            self._window.rest_pace(rests_on(cap), now)

    def _next(self, not_sent: _NotSent, now: int) -> _Next:
        result, outcome, tools = not_sent.result, not_sent.outcome, self._tools
        task = result.item.task
        retry = policy.retry(task, outcome, tools.settings, chance=tools.chance(), now=now)
        # What came too late to be tried says nothing of its account.
        leaves = result.in_time and failover.may_fail_over(task, now)
        stopped = self._window.stopped(task, now)
        why = None
        # That a refused sender is left was decided in `add`, and the fact says so. Decided anew, later, the
        # answer could be no, and the number that was just refused would be tried again.
        if leaves or result.leaves_sender:
            why = failover.given_up(task, outcome, breaker_open=stopped)
        return _Next(not_sent, retry, why)

    async def _tell(self, retries: Sequence[_Next]) -> None:
        """The facts, and the tasks that leave; then each goes to where it waits."""
        records: list[Written] = []
        for one in retries:
            item = one.not_sent.result.item
            maybe_sent = item.task.how is not How.PLAIN
            item.retry_as(item.task.attempt + 1, maybe_sent=maybe_sent, not_before=one.retry.due)
            if one.given_up is not None:
                records.append(_failing_over(item, one.given_up))
            elif not one.retry.stays:
                records.append(later(item.task, item.task.not_before))
            records.append(one.not_sent.fact)
        await self._tools.journal.write(records)
        reached(Point.DISPATCH_RETRY_TOLD)
        if any(one.given_up is not None for one in retries):
            reached(Point.DISPATCH_FAILED_OVER)
        for one in retries:
            if one.rests:
                self._window.rest(one.not_sent.result.item, one.retry.due)
            else:
                one.not_sent.result.item.finish()


async def _all_of(queue: asyncio.Queue[Result]) -> list[Result]:
    """What is there, one at least."""
    batch = [await queue.get()]
    while not queue.empty():
        batch.append(queue.get_nowait())
    return batch


def _not_sent(result: Result, now: int) -> _NotSent | None:
    if isinstance(result.outcome, Accepted | Ambiguous):
        return None
    fact = outcome_fact(result.item, result.outcome, result.nonce, now, again=result.leaves_sender)
    return _NotSent(result, result.outcome, fact)


def _failing_over(item: Item, given_up: failover.GivenUp) -> Failover:
    """`item` is its next attempt by now."""
    asked = failover.failing_over(item.task, item.record, given_up.why, given_up.trouble)
    log_failover(asked)
    return asked


def _own(result: Result) -> Own:
    task = result.item.task
    return Own(
        task.message_id,
        task.attempt,
        result.nonce,
        task.forget_at,
        breaker=paces.breaker(task.account) if result.in_time else "",
        paces=(paces.number_pace(task.sender), paces.account_pace(task.account)),
    )


def _log(result: Result) -> None:
    task, outcome = result.item.task, result.outcome
    metrics.outcomes(task.provider, outcome.kind).inc()
    level = logging.DEBUG if isinstance(outcome, Accepted) else logging.INFO
    if log.isEnabledFor(level):
        log.log(
            level,
            "dispatch.attempted message=%s attempt=%d account=%s outcome=%s %s",
            task.message_id,
            task.attempt,
            task.account,
            outcome.kind,
            "" if isinstance(outcome, Accepted) else outcome.detail,
        )
