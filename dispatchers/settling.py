"""What came of a hand-over: the fact, the claim and the retry, in the order that survives a crash."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dispatchers import paces, policy, unknown
from dispatchers.journal import Later, ambiguous_fact, later, outcome_fact
from dispatchers.lines import Item
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger.claims import Again, Own
from schemas.attempts import shown
from schemas.facts import AmbiguousFact, AnyFact, OutcomeFact
from schemas.failpoints import Point, reached
from schemas.optouts import OptOut
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


@dataclass(frozen=True)
class _Refused:
    """A hand-over that provably did not happen, and the fact of it."""

    result: Result
    outcome: Throttled | Unavailable
    fact: OutcomeFact

    @property
    def again(self) -> Again:
        item = self.result.item
        again = Again(_own(self.result), str(self.fact.record), shown(self.fact), counted=item.counted)
        if isinstance(self.outcome, Unavailable):
            return again
        task, pause = self.result.item.task, self.outcome.retry_after
        # The script has its own bound; this one keeps the number within an integer.
        pause_ms = None if pause is None else round(min(pause, _DAY_SECONDS) * 1000)
        slows = paces.throttled(task, self.outcome.code)
        return replace(again, answered=True, throttled=slows, pause_ms=pause_ms)


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
            told: list[AnyFact | OptOut] = []
            for result in batch:
                if isinstance(result.outcome, Accepted | Rejected):
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
            await self._known([r for r in batch if isinstance(r.outcome, Accepted | Rejected)])
            await self._unknown([r for r in batch if isinstance(r.outcome, Ambiguous)])
            await self._again([r for r in batch if isinstance(r.outcome, Throttled | Unavailable)])
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
                attempt, detail = result.item.task.attempt, result.outcome.detail
                fact = ambiguous_fact(result.item, attempt, result.nonce, detail, self._tools.now())
                facts.append((result.item, fact))
            else:
                self._window.rest(result.item, self._tools.now())
        await unknown.tell(facts, self._tools)
        for item, _ in facts:
            item.finish()

    async def _again(self, results: Sequence[Result]) -> None:
        """Rule 5 for a retry: `open(attempt + 1)` first; nothing is said if the claim is another's by now."""
        at = self._tools.now()
        refused = [
            _Refused(result, result.outcome, outcome_fact(result.item, result.outcome, result.nonce, at))
            for result in results
            if isinstance(result.outcome, Throttled | Unavailable)
        ]
        if not refused:
            return
        ours = await self._tools.ask(lambda ledger: ledger.reopen([one.again for one in refused]))
        reached(Point.DISPATCH_REOPENED)
        retries: list[tuple[_Refused, policy.Retry]] = []
        now = self._tools.now()
        for one, own in zip(refused, ours, strict=True):
            _log(one.result)
            if own:
                retries.append((one, self._retry(one, now)))
            else:
                self._window.rest(one.result.item, now)
        await self._tell(retries)

    def _retry(self, refused: _Refused, now: int) -> policy.Retry:
        task, tools = refused.result.item.task, self._tools
        return policy.retry(task, refused.outcome, tools.settings, chance=tools.chance(), now=now)

    async def _tell(self, retries: Sequence[tuple[_Refused, policy.Retry]]) -> None:
        """The facts, and the tasks that leave; then each goes to where it waits."""
        records: list[AnyFact | Later] = []
        for refused, retry in retries:
            item = refused.result.item
            maybe_sent = item.task.how is not How.PLAIN
            item.retry_as(item.task.attempt + 1, maybe_sent=maybe_sent, not_before=retry.due)
            if not retry.stays:
                records.append(later(item.task, item.task.not_before))
            records.append(refused.fact)
        await self._tools.journal.write(records)
        reached(Point.DISPATCH_RETRY_TOLD)
        for refused, retry in retries:
            item = refused.result.item
            if retry.stays:
                self._window.rest(item, retry.due)
            else:
                item.finish()


async def _all_of(queue: asyncio.Queue[Result]) -> list[Result]:
    """What is there, one at least."""
    batch = [await queue.get()]
    while not queue.empty():
        batch.append(queue.get_nowait())
    return batch


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
