"""Asks providers what became of earlier hand-overs, beside the hand-overs and never in their way.

A question is a record of a dispatch topic, like a task: read, put when it is due and its slots are free, its
answer told, then finished. Whatever is interrupted is read and asked again by the next process: a question
changes nothing but what is known.
"""

import asyncio
import heapq
import logging
from dataclasses import dataclass, field, replace
from itertools import count
from time import monotonic
from typing import Final, assert_never

from dispatchers import metrics, questions, unknown
from dispatchers.gate import judged
from dispatchers.journal import Later
from dispatchers.lines import Line
from dispatchers.paces import breaker
from dispatchers.port import (
    Answer,
    ByHandover,
    ById,
    Found,
    Handover,
    NoAnswer,
    NotFound,
    Question,
    Refused,
    Several,
)
from dispatchers.tools import Tools
from ledger.asking import SKEW_MS, MayAsk, Over, Query, Unknown, twin
from ledger.claims import Own, Pace, Wait
from schemas.failpoints import Point, reached
from schemas.provider import Provider
from schemas.quoting import unquoted
from schemas.tasks import Inquiry, Task

log = logging.getLogger(__name__)

#: Most questions at hand in one process; those beyond wait elsewhere, and tasks behind them are read.
AT_HAND: Final = 200
#: For how long those wait.
_ELSEWHERE_MS: Final = 60_000
#: A question that must wait for its slot for longer than this waits elsewhere, too. Numbers of one segment in
#: 10 s give it one by then.
_STAYS_MS: Final = 15_000
#: Look-ups of one account, per second and at once: they cost the provider little, and must not cost it more.
_LOOK_UPS: Final = (5.0, 5)


@dataclass(order=True)
class _Open:
    """A question at hand, by when it is due."""

    due: int
    number: int
    line: Line = field(compare=False)
    offset: int = field(compare=False)
    inquiry: Inquiry = field(compare=False)


class Asking:
    """The questions at hand of one process, `at_hand` at most. `max_questions` are under way at once."""

    def __init__(self, tools: Tools, at_hand: int = AT_HAND) -> None:
        self._tools = tools
        self._at_hand = at_hand
        self._bell = asyncio.Event()
        self._due: list[_Open] = []
        self._too_many: list[_Open] = []
        self._numbers = count()
        self._under_way = 0
        self._taking = True

    def add(self, line: Line, offset: int, inquiry: Inquiry) -> None:
        """A question has been read; its offset is finished when it is answered or waits elsewhere."""
        one = _Open(inquiry.not_before, next(self._numbers), line, offset, inquiry)
        if len(self._due) + self._under_way < self._at_hand:
            heapq.heappush(self._due, one)
        else:
            self._too_many.append(one)
        self._bell.set()

    def stop_taking(self) -> None:
        """Ask nothing more; what is under way goes on."""
        self._taking = False
        self._bell.set()

    async def run(self) -> None:
        """Ask until `stop_taking`, then let what is under way finish."""
        async with asyncio.TaskGroup() as group:
            while self._taking:
                self._bell.clear()
                while (one := self._next()) is not None:
                    self._under_way += 1
                    group.create_task(self._ask(one))
                await self._send_off()
                await self._idle()

    def _next(self) -> _Open | None:
        """One that is due, if there is room for it. Those of partitions that have moved away are dropped."""
        while self._due and (self._due[0].line.revoked or self._due[0].due <= self._tools.now()):
            if self._due[0].line.revoked:
                heapq.heappop(self._due)
            elif self._under_way < self._tools.settings.max_questions:
                return heapq.heappop(self._due)
            else:
                break
        return None

    async def _send_off(self) -> None:
        """Those for which there was no room wait elsewhere."""
        too_many, self._too_many = self._too_many, []
        later = self._tools.now() + _ELSEWHERE_MS
        mine = [one for one in too_many if not one.line.revoked]
        if mine:
            await self._tools.journal.write([_put_off(one.inquiry, max(later, one.due)) for one in mine])
        for one in mine:
            one.line.finish(one.offset)

    async def _idle(self) -> None:
        """Until the bell rings or the next one is due; who ends rings it, too."""
        timeout = None
        if self._due and self._under_way < self._tools.settings.max_questions:
            timeout = max(self._due[0].due - self._tools.now(), 1) / 1000
        try:
            # Not `wait_for`: Python 3.11's forgets a cancel that comes together with the bell.
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _ask(self, one: _Open) -> None:
        try:
            await self._one(one)
        finally:
            self._under_way -= 1
            self._bell.set()

    async def _one(self, one: _Open) -> None:
        inquiry = one.inquiry
        row = (await self._tools.ask(lambda ledger: ledger.get(inquiry.message_id))).row
        if questions.is_settled(inquiry, row):
            self._count(inquiry, "settled")
            one.line.finish(one.offset)
            return
        if self._forbidden(inquiry):
            self._count(inquiry, "forbidden")
            one.line.finish(one.offset)
            return
        asked_at = monotonic()
        [leave] = await self._tools.ask(lambda ledger: ledger.may_ask([self._query(inquiry)]))
        match leave:
            case MayAsk(until=until):
                await self._put(one, until, asked_at)
            case Wait(ms=ms):
                await self._wait(one, ms)
            case Over(why=why):
                self._count(inquiry, why)
                one.line.finish(one.offset)
            case _:
                assert_never(leave)

    def _forbidden(self, inquiry: Inquiry) -> bool:
        """Whether it may send, and its text may not go, or not now: its owner's policy settles it then."""
        if inquiry.task is None or not _sends(inquiry):
            return False
        return judged(self._tools.accounts.directory, inquiry.task, self._tools.now()) is not None

    async def _wait(self, one: _Open, ms: int) -> None:
        due = self._tools.now() + ms
        if ms <= _STAYS_MS:
            if not one.line.revoked:
                heapq.heappush(self._due, replace(one, due=due))
            return
        await self._tools.journal.write([_put_off(one.inquiry, due)])
        one.line.finish(one.offset)

    async def _put(self, one: _Open, until: int, asked_at: float) -> None:
        """Ask, tell what was learned, close the claim; or come back later."""
        inquiry = one.inquiry
        answer = await self._answer(inquiry, until, asked_at)
        reached(Point.DISPATCH_ASKED)
        self._count(inquiry, _words(answer))
        log.info(
            "dispatch.asked message=%s attempt=%d account=%s asked=%d answer=%s",
            inquiry.message_id,
            inquiry.attempt,
            inquiry.account,
            inquiry.asked + 1,
            # The provider's own words: they may quote the text.
            unquoted(str(answer), inquiry.task.text, inquiry.task.media) if inquiry.task else answer,
        )
        match questions.follows(inquiry, answer, self._tools.now()):
            case questions.Learned(facts=facts):
                learned = [
                    one for fact in facts for one in self._tools.accounts.learned(fact, inquiry.to_number)
                ]
                await self._tools.journal.write([*learned, *facts])
                if inquiry.task is not None:
                    own = Own(inquiry.message_id, inquiry.attempt, inquiry.nonce, inquiry.forget_at)
                    await self._tools.ask(lambda ledger: ledger.close([own]))
            case questions.Again(inquiry=again):
                await self._tools.journal.write([unknown.later(again)])
            case questions.Enough():
                pass
            case never:
                assert_never(never)
        one.line.finish(one.offset)

    async def _answer(self, inquiry: Inquiry, until: int, asked_at: float) -> Answer:
        port = self._tools.accounts.port(inquiry.account)
        if isinstance(port, str):
            return NoAnswer(port)
        answer = await port.ask(self._question(inquiry, until, asked_at))
        if not (isinstance(answer, Found) and inquiry.task is not None and twin(inquiry.task)):
            return answer
        # Whoever was claimed since the question was put may be what the provider shows.
        query = Query(inquiry.message_id, self._unknown(inquiry, inquiry.task))
        [leave] = await self._tools.ask(lambda ledger: ledger.may_ask([query]))
        return answer if isinstance(leave, MayAsk) else NotFound()

    def _question(self, inquiry: Inquiry, until: int, asked_at: float) -> Question:
        if inquiry.task is None:
            return ById(inquiry.provider_message_id or "")
        margin = self._tools.settings.claim_margin_seconds

        def still_mine() -> bool:
            # As for a hand-over: what begins within the margin of its leave ends before a policy acts.
            return monotonic() - asked_at < margin and self._tools.now() < inquiry.ask_until

        handover = Handover(
            task=inquiry.task,
            nonce=inquiry.nonce,
            callback_url=self._tools.handed_over(inquiry.task, inquiry.nonce),
            still_mine=still_mine,
        )
        return ByHandover(handover, until - self._span_ms(), until + SKEW_MS)

    def _query(self, inquiry: Inquiry) -> Query:
        look_up = (Pace(f"asks:{inquiry.account}", *_LOOK_UPS),)
        task = inquiry.task
        if task is None:
            return Query(inquiry.message_id, None, look_up, breaker=breaker(inquiry.account))
        sends = _sends(inquiry)
        return Query(
            inquiry.message_id,
            self._unknown(inquiry, task),
            # What may send counts as what it may send.
            self._tools.accounts.paces(task) if sends else look_up,
            task.segments if sends else 1,
            breaker(inquiry.account),
        )

    def _unknown(self, inquiry: Inquiry, task: Task) -> Unknown:
        sends = _sends(inquiry)
        return Unknown(
            attempt=inquiry.attempt,
            nonce=inquiry.nonce,
            record=str(task.record),
            ask_until=inquiry.ask_until,
            twin=twin(task),
            span_ms=self._span_ms(),
            within_ms=questions.sends_within(task, self._tools.settings) if sends else None,
            scopes=self._tools.accounts.scopes(task) if sends else (),
            to_number=task.to_number,
        )

    def _span_ms(self) -> int:
        """How long before it was over at the latest a hand-over may have begun, by the provider's clock."""
        return self._tools.settings.hold_ms + SKEW_MS

    def _count(self, inquiry: Inquiry, answer: str) -> None:
        about = "sent" if inquiry.task is None else "unknown"
        metrics.ASKED.labels(inquiry.provider, about, answer).inc()


def _sends(inquiry: Inquiry) -> bool:
    """Whether the question is the request of an unknown hand-over again, which may be what sends its text."""
    return inquiry.task is not None and inquiry.provider is Provider.TELNYX


def _put_off(inquiry: Inquiry, until: int) -> Later:
    return unknown.later(inquiry.model_copy(update={"not_before": until}))


def _words(answer: Answer) -> str:
    match answer:
        case Found():
            return "found"
        case Refused():
            return "refused"
        case NotFound():
            return "not_found"
        case Several():
            return "several"
        case NoAnswer():
            return "no_answer"
        case _:
            assert_never(answer)
