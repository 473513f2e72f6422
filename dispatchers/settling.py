"""What came of a hand-over: the fact, the claim and the retry, in the order that survives a crash."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatchers import policy
from dispatchers.journal import Waiting, ambiguous_fact, outcome_fact
from dispatchers.lines import Item
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger.claims import Again, Own
from schemas.facts import AnyFact
from schemas.provider import Accepted, Ambiguous, Outcome, Rejected, Throttled, Unavailable
from schemas.public import Attempt, AttemptOutcome
from schemas.tasks import How, Task

log = logging.getLogger(__name__)

#: A retry due within this stays in the window; a later one goes through the waiting topics.
STAYS_MS = 10_000


@dataclass(frozen=True)
class Result:
    """What came of one hand-over."""

    item: Item
    nonce: str
    outcome: Outcome


class Settling:
    """Takes results to their end, as many at once as there are."""

    def __init__(self, window: Window, tools: Tools, settled: Callable[[], None]) -> None:
        self._window = window
        self._tools = tools
        self._settled = settled
        self._results: asyncio.Queue[Result] = asyncio.Queue()
        #: Results that are not settled yet.
        self.open = 0

    def add(self, result: Result) -> None:
        """A call has ended."""
        self.open += 1
        self._results.put_nowait(result)

    async def run(self) -> None:
        """For ever: take what came of the calls to its end, as many at once as there are."""
        while True:
            batch = [await self._results.get()]
            while not self._results.empty():
                batch.append(self._results.get_nowait())
            await self._known([r for r in batch if isinstance(r.outcome, Accepted | Rejected)])
            await self._unknown([r for r in batch if isinstance(r.outcome, Ambiguous)])
            await self._again([r for r in batch if isinstance(r.outcome, Throttled | Unavailable)])
            self.open -= len(batch)
            self._settled()

    async def _known(self, results: Sequence[Result]) -> None:
        """Rule 5: the fact is acknowledged, then the claim is closed, then the task is finished."""
        facts: list[AnyFact] = []
        for result in results:
            if isinstance(result.outcome, Accepted | Rejected):
                fact = outcome_fact(result.item, result.outcome, result.nonce, self._tools.now())
                facts.append(fact)
        if not facts:
            return
        await self._tools.journal.write(facts)
        await self._tools.ask(lambda ledger: ledger.close([_own(r) for r in results]))
        for result in results:
            _log(result)
            result.item.finish()

    async def _unknown(self, results: Sequence[Result]) -> None:
        """`closed(unknown)`, then `ambiguous` acknowledged, then finished; or it is another's by now."""
        if not results:
            return
        ours = await self._tools.ask(lambda ledger: ledger.lose([_own(r) for r in results]))
        facts: list[tuple[Item, AnyFact]] = []
        for result, own in zip(results, ours, strict=True):
            _log(result)
            if own and isinstance(result.outcome, Ambiguous):
                attempt, detail = result.item.task.attempt, result.outcome.detail
                fact = ambiguous_fact(result.item, attempt, result.nonce, detail, self._tools.now())
                facts.append((result.item, fact))
            else:
                self._window.rest(result.item, self._tools.now())
        await self._tools.journal.write([fact for _, fact in facts])
        for item, _ in facts:
            item.finish()

    async def _again(self, results: Sequence[Result]) -> None:
        """Rule 5 for a retry: `open(attempt + 1)` first; nothing is said if the claim is another's by now."""
        if not results:
            return
        at = self._tools.now()
        again = [
            Again(_own(r), str(r.item.record), _attempt(r.item.task, r.outcome, at))
            for r in results
            if isinstance(r.outcome, Throttled | Unavailable)
        ]
        ours = await self._tools.ask(lambda ledger: ledger.reopen(again))
        records: list[AnyFact | Waiting] = []
        now = self._tools.now()
        leaving: list[Item] = []
        staying: list[Item] = []
        for result, own in zip(results, ours, strict=True):
            _log(result)
            item, outcome = result.item, result.outcome
            if not (own and isinstance(outcome, Throttled | Unavailable)):
                self._window.rest(item, now)
                continue
            fact = outcome_fact(item, outcome, result.nonce, now)
            pause = policy.retry_pause_ms(
                outcome, item.task.attempt, self._tools.settings, self._tools.chance()
            )
            # One that would be due too late comes back when its time is over, to be told so then.
            due = min(now + pause, max(item.task.valid_until, now))
            item.retry_as(item.task.attempt + 1, maybe_sent=item.task.how is not How.PLAIN, not_before=due)
            if due - now > STAYS_MS:
                records.append(Waiting(item.task))
                leaving.append(item)
            else:
                staying.append(item)
            records.append(fact)
        await self._tools.journal.write(records)
        for item in leaving:
            item.finish()
        for item in staying:
            self._window.rest(item, item.task.not_before)


def _own(result: Result) -> Own:
    task = result.item.task
    return Own(task.message_id, task.attempt, result.nonce, task.forget_at)


def _attempt(task: Task, outcome: Throttled | Unavailable, at: int) -> Attempt:
    """What is shown of an attempt that will be made again."""
    return Attempt(
        number=task.attempt,
        at=at,
        provider=task.provider,
        account=task.account,
        sender=task.sender,
        outcome=AttemptOutcome(outcome.kind),
        provider_code=(outcome.code or None) if isinstance(outcome, Throttled) else None,
        detail=outcome.detail or None,
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
