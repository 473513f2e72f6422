"""The hand-over protocol of docs/protocol.md: look, intent, claim, HTTP, outcome, close; in batches.

One loop takes what the window has ready as far as the HTTP call; `steps` does what tasks must do about
claims that they cannot win; `settling` takes what came of the calls to its end. The order is that of the
page's rules: whatever is interrupted between two steps, the next process to read the task finds its trace in
the claim and goes on from there.
"""

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic
from typing import assert_never

from dispatchers import metrics
from dispatchers.gate import Gate
from dispatchers.journal import void
from dispatchers.lines import Item
from dispatchers.paces import breaker
from dispatchers.port import Handover
from dispatchers.settling import Result, Settling
from dispatchers.steps import Steps, ids
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger import days
from ledger.asking import twin
from ledger.claims import Ask, Looked, Refused, Via, Wait, Won, is_unknown
from ledger.expiring import Early, Late
from schemas.failpoints import Point, reached
from schemas.provider import Accepted, Outcome, Unavailable
from schemas.quoting import unquoted
from schemas.tasks import Task, Void

log = logging.getLogger(__name__)

#: Most tasks of one batch: one look, one intent record, one claim.
BATCH = 200


class HandOver:
    """Hands over what the window holds. `bell` is rung when there may be something to do."""

    def __init__(self, window: Window, tools: Tools) -> None:
        self.bell = asyncio.Event()
        self._window = window
        self._tools = tools
        self._voids: list[Void] = []
        self._steps = Steps(window, tools)
        self._gate = Gate(window, tools, self._forget_nonce)
        self._settling = Settling(window, tools, self._has_settled)
        self._calls: set[asyncio.Task[None]] = set()
        self._calling = 0
        self._settled = asyncio.Event()
        self._open = True

    @property
    def busy(self) -> int:
        """Hand-overs that have begun and are not settled."""
        return self._calling + self._settling.open

    def add_voids(self, items: Sequence[Item]) -> None:
        """Items have left the window; the intents that stand for them are voided."""
        for item in items:
            self._forget_nonce(item, stands=False)
        self.bell.set()

    def stop_taking(self) -> None:
        """Hand over nothing more; what has begun goes on."""
        self._open = False
        self.bell.set()

    async def run(self) -> None:
        """Hand over until `stop_taking`, then let what is in flight finish (bounded by `drain_seconds`)."""
        async with asyncio.TaskGroup() as self._group:
            settling = self._group.create_task(self._settling.run())
            await self._hand_over()
            if not await self.quiet(self._tools.settings.drain_seconds):
                log.warning("%d hand-overs did not end in time; another process settles them", self.busy)
            # Theirs is a definite "wait": nothing was won, so nothing may be called unknown for them.
            self.add_voids(self._window.standing())
            await self._flush_voids()
            settling.cancel()
            for call in self._calls:
                call.cancel()

    async def quiet(self, seconds: float) -> bool:
        """Wait until nothing is in flight; False if that took longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self.busy:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            return False
        return True

    async def _hand_over(self) -> None:
        """Until `stop_taking`: take what is ready, look, write intents, claim, call."""
        while self._open:
            self.bell.clear()
            now = self._tools.now()
            late = self._window.take_late(BATCH, now)
            room = min(BATCH, self._tools.settings.max_in_flight - self.busy)
            items = self._window.take(room, now) if room > 0 else []
            if late:
                await self._end_late(late)
            if items:
                await self._batch(items)
            elif self._voids:
                await self._flush_voids()
            elif not late:
                await self._idle(self._window.next_due(now), now)

    async def _flush_voids(self) -> None:
        if self._voids:
            await self._write_intents([])

    async def _idle(self, due: int | None, now: int) -> None:
        """Until the bell rings or the clock says `due`."""
        timeout = None if due is None else max(due - now, 1) / 1000
        try:
            # Not `wait_for`: Python 3.11's forgets a cancel that comes together with the bell.
            async with asyncio.timeout(timeout):
                await self.bell.wait()
        except TimeoutError:
            return

    async def _batch(self, items: list[Item]) -> None:
        fresh = [item for item in items if item.nonce is None]
        found = await self._tools.ask(lambda ledger: ledger.look(ids(fresh)))
        reached(Point.DISPATCH_LOOKED)
        standing = [item for item in items if item.nonce is not None]
        may = await self._gate.through(
            [*await self._steps.do(list(zip(fresh, found, strict=True))), *standing]
        )
        going = [item for item in fresh if item in may]
        for item in going:
            item.nonce = self._tools.new_nonce()
        if going or self._voids:
            await self._write_intents(going)
            reached(Point.DISPATCH_INTENDED)
        # An intent stands for those that just got a nonce, and for those that wait for their slot.
        await self._claim([item for item in items if item in may])

    async def _end_late(self, items: Sequence[Item]) -> None:
        """What comes too late ends without an intent or a slot: nothing of it can leave any more."""
        asks = [_late(item.task) for item in items]
        answers = await self._tools.ask(lambda ledger: ledger.expire(asks))
        early: list[Item] = []
        found: list[tuple[Item, Looked]] = []
        now = self._tools.now()
        for item, answer in zip(items, answers, strict=True):
            if isinstance(answer, Early):
                # The ledger's clock decides, and ours is before it.
                item.late_from = now + answer.ms
                early.append(item)
            else:
                self._forget_nonce(item, stands=is_unknown(answer.claim))
                found.append((item, answer))
        self.add_voids(self._window.put_back(early))
        self._window.put_back(await self._steps.do(found, late=True))

    async def _write_intents(self, items: Sequence[Item]) -> None:
        voids, self._voids = self._voids, []
        await self._tools.journal.intents(items, voids, self._tools.accounts.caps)

    async def _claim(self, items: Sequence[Item]) -> None:
        if not items:
            return
        asked_at = monotonic()
        midnights = days.midnights(self._tools.settings.day_zone, self._tools.now())
        asks = [self._ask(item) for item in items]
        verdicts = await self._tools.ask(lambda ledger: ledger.claim(asks, midnights))
        reached(Point.DISPATCH_CLAIMED)
        waiting: list[Item] = []
        refused: list[tuple[Item, Looked]] = []
        now = self._tools.now()
        for item, ask, verdict in zip(items, asks, verdicts, strict=True):
            match verdict:
                case Won():
                    _began(item, now)
                    item.counted = ask.counted
                    self._send(item, asked_at)
                case Wait(ms=ms, pace=pace):
                    metrics.TOKEN_SECONDS.labels(item.task.provider, metrics.kind(pace)).observe(ms / 1000)
                    self._window.rest_pace(pace, now + ms)
                    waiting.append(item)
                case Refused(claim=claim):
                    # An intent that closed(unknown) refused is not voided: rule 7.
                    self._forget_nonce(item, stands=is_unknown(claim))
                    refused.append((item, Looked(claim, until_passed=False)))
                case _:
                    assert_never(verdict)
        provider = items[0].task.provider
        for what, many in (("wait", len(waiting)), ("refused", len(refused))):
            metrics.CLAIMS.labels(provider, what).inc(many)
        metrics.CLAIMS.labels(provider, "won").inc(len(items) - len(waiting) - len(refused))
        for cap in days.caps_rested(verdict.pace for verdict in verdicts if isinstance(verdict, Wait)):
            log.warning("day.used_up cap=%s: what finds no room waits for the next day", cap)
        self.add_voids(self._window.put_back(waiting))
        # Those that may go after all found a claim that has changed in between: they look again.
        self._window.put_back(await self._steps.do(refused))

    def _ask(self, item: Item) -> Ask:
        task = item.task
        return Ask(
            message_id=task.message_id,
            attempt=task.attempt,
            how=task.how,
            nonce=item.nonce or "",
            record=str(item.record),
            segments=task.segments,
            paces=self._tools.accounts.paces(task),
            twin=twin(task),
            valid_until=task.valid_until,
            forget_at=task.forget_at,
            hold_ms=self._tools.settings.hold_ms,
            breaker=breaker(task.account),
            via=_via(task),
            caps=self._tools.accounts.caps(task),
            scopes=self._tools.accounts.scopes(task),
            to_number=task.to_number,
        )

    def _send(self, item: Item, asked_at: float) -> None:
        self._calling += 1
        call = self._group.create_task(self._call(item, asked_at))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, item: Item, asked_at: float) -> None:
        nonce, item.nonce = item.nonce or "", None
        margin = self._tools.settings.claim_margin_seconds
        in_time = True

        def still_mine() -> bool:
            nonlocal in_time
            # `until` is the claim's time plus timeout plus margin by Redis' clock, counted from after
            # `asked_at`. A call that begins within the margin is over before anyone may take over.
            # Nor does one begin when the message's own time is over.
            in_time = monotonic() - asked_at < margin and self._tools.now() < item.late_from
            return in_time

        port = self._tools.accounts.port(item.task.account)
        outcome: Outcome
        if isinstance(port, str):
            outcome = Unavailable(detail=port)
        else:
            url = self._tools.handed_over(item.task, nonce)
            began = monotonic()
            told = await port.send(
                Handover(task=item.task, nonce=nonce, callback_url=url, still_mine=still_mine)
            )
            metrics.provider_seconds(item.task.provider).observe(monotonic() - began)
            outcome = _unquoted(told, item.task)
        reached(Point.DISPATCH_ANSWERED)
        self._calling -= 1
        self._settling.add(Result(item, nonce, outcome, in_time=in_time))
        self.bell.set()

    def _has_settled(self) -> None:
        self._settled.set()
        self.bell.set()

    def _forget_nonce(self, item: Item, *, stands: bool) -> None:
        if item.nonce and not stands:
            self._voids.append(void(item, item.nonce))
        item.nonce = None


def _began(item: Item, now: int) -> None:
    """Its first hand-over begins: how long it has waited for that."""
    task = item.task
    if task.attempt == 1 and task.accepted_at:
        waited = max(0, now - item.waiting_since) / 1000
        metrics.handover_seconds(task.provider, task.lane).observe(waited)


def _unquoted(outcome: Outcome, task: Task) -> Outcome:
    """`outcome` in words that do not quote the text: they go to logs, facts and the ledger."""
    if isinstance(outcome, Accepted):
        return outcome
    return outcome.model_copy(update={"detail": unquoted(outcome.detail, task.text, task.media)})


def _via(task: Task) -> Via:
    """What a hand-over of `task` goes out through."""
    return Via(task.provider, task.account, task.sender)


def _late(task: Task) -> Late:
    return Late(task.message_id, task.attempt, task.how, task.valid_until, task.forget_at)
