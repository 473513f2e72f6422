"""Sends over REST: judged, acknowledged by the broker, shown in the view; then answered (docs/ingress.md)."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Final

from directory.snapshot import Directory
from ingress import idempotency, immediate, metrics, progress, replies
from ingress.acceptance import Accepted, Denied, accept, forget_at
from ingress.batching import Gathered
from ingress.bounded import within
from ingress.checks import malformed
from ingress.codes import Code
from ingress.first_rows import FirstRows, first_row
from ingress.idempotency import Go, Wait, subject, taken
from ingress.permission import Recipient
from ingress.ports import NotAcknowledgedError, Publish, Store
from ingress.problems import Problem, passing
from ingress.recipients import Asking
from ingress.replies import Reply, Subject
from ingress.watching import Watching
from ledger import LedgerAwayError
from ledger.holds import Answer, Found, Hold
from schemas import ids, topics
from schemas.base import Millis
from schemas.failpoints import Point, reached
from schemas.messages import Door
from schemas.public import StatusRecord
from schemas.requests import SendRequest, fingerprint
from schemas.sealing import forms
from schemas.settings import IngressSettings, MessageSettings
from schemas.tracing import Headers

_LOG: Final = logging.getLogger(__name__)
#: What is only put down once the answer is there may not hold it up.
_AFTER_SECONDS: Final = 0.5
#: A key is held for as long as its request may take, and this.
_HOLD_MARGIN_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One request on its way through."""

    request: SendRequest
    message_id: str
    fingerprint: str
    #: All that a status record may have in its place (`schemas.sealing`).
    forms: frozenset[str]
    verdict: Accepted | Denied
    #: Of the hold of its key.
    token: str
    forget_at: Millis
    headers: Headers
    #: When its outcome is not waited for any longer, in the event loop's time.
    deadline: float

    @property
    def keyed(self) -> bool:
        """Whether it can be repeated."""
        return self.request.idempotency_key is not None


class Sending:
    """The REST door's send.

    Args:
        directory: gives the newest snapshot.
        ledger: where the first row goes, and where keys are held and answers kept.
        watching: waits for rows of `ledger`.
        publish: hands messages to the broker.
        door: how long broker and provider are waited for.
        messages: how long messages wait and are remembered.
        asking: knows of recipients.
        clock: epoch milliseconds.
        random: that many random bytes, for ids.
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        ledger: Store,
        watching: Watching,
        publish: Publish,
        asking: Asking,
        *,
        door: IngressSettings,
        messages: MessageSettings,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._watching = watching
        self._publish = publish
        self._asking = asking
        self._door = door
        self._messages = messages
        self._clock = clock
        self._random = random
        self._first_rows = FirstRows(ledger)
        self._hold: Gathered[Hold, Found] = Gathered(ledger.hold)
        self._under_way: set[asyncio.Task[Reply | Problem]] = set()

    async def send(self, request: SendRequest, organization: str, headers: Headers = ()) -> Reply | Problem:
        """Take `request` on behalf of `organization`, or say why not; `headers` go with its record.

        A caller that goes away leaves nothing half done: what was begun is brought to its end.
        """
        # So it is whatever anybody knows, and nobody is asked.
        if (flawed := malformed(request, self._clock())) is not None:
            return _denied(flawed)
        recipient = await self._asking.one(request, organization, self._directory())
        asked = self._asked(request, organization, headers, recipient)
        # What depends on the directory may have been otherwise when the key was used.
        if isinstance(asked.verdict, Denied) and not asked.keyed:
            return _denied(asked.verdict)
        return await self._to_the_end(self._keyed(asked) if asked.keyed else self._hand_in(asked))

    def _asked(
        self, request: SendRequest, organization: str, headers: Headers, recipient: Recipient
    ) -> _Asked:
        now = self._clock()
        key = request.idempotency_key
        message_id = ids.uuid7(now, self._random(10)) if key is None else ids.of_key(organization, key)
        verdict = accept(
            request,
            organization,
            self._directory(),
            recipient=recipient,
            door=Door.REST,
            message_id=message_id,
            now=now,
            settings=self._messages,
        )
        content = fingerprint(request)
        return _Asked(
            request=request,
            message_id=message_id,
            fingerprint=content,
            forms=forms(content, message_id, self._messages.fingerprint_secrets),
            verdict=verdict,
            token=self._random(8).hex(),
            # A key is remembered for as long as its message.
            forget_at=verdict.message.forget_at
            if isinstance(verdict, Accepted)
            else forget_at(now, self._messages),
            headers=headers,
            deadline=asyncio.get_running_loop().time() + self._door.immediate_seconds,
        )

    async def _to_the_end(self, work: Coroutine[None, None, Reply | Problem]) -> Reply | Problem:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _keyed(self, asked: _Asked) -> Reply | Problem:
        try:
            if isinstance(asked.verdict, Denied):
                seen = await self._ledger.get(asked.message_id)
                if seen.row is None:
                    # Not held: a key is bound to content only by a request that may be sent.
                    return _denied(asked.verdict) if seen.whole else idempotency.unsure(asked.message_id)
            found = await self._hold(self._hold_of(asked))
        except LedgerAwayError as error:
            _LOG.warning("ledger.unavailable message_id=%s error=%r", asked.message_id, error)
            return idempotency.unsure(asked.message_id)
        match idempotency.judge(found, asked.message_id, asked.forms, queue=asked.request.queue):
            case Go():
                return await self._hand_in(asked)
            case Wait(row):
                return await self._outcome(replace(asked, forget_at=row.forget_at), subject(row))
            case (Reply() | Problem()) as answer:
                return answer

    def _hold_of(self, asked: _Asked) -> Hold:
        queue = asked.request.queue
        seconds = self._door.produce_timeout_seconds + _HOLD_MARGIN_SECONDS
        return Hold(
            message_id=asked.message_id,
            fingerprint=asked.fingerprint,
            told=asked.forms,
            token=asked.token,
            hold_ms=round(1000 * (seconds if queue else seconds + self._door.immediate_seconds)),
            forget_at=asked.forget_at,
            retake=not queue,
        )

    async def _hand_in(self, asked: _Asked) -> Reply | Problem:
        """Produce it, show it, answer it.

        Once it may lie with the broker its key stays bound to its content: only the same may have it again.
        """
        if isinstance(asked.verdict, Denied):
            return _denied(asked.verdict)
        reached(Point.API_HELD)
        message = asked.verdict.message
        try:
            await self._publish(topics.MESSAGES, message.message_id, message.encode(), asked.headers)
            reached(Point.API_PRODUCED)
        except NotAcknowledgedError:
            await self._release(asked)
            return _not_acknowledged(message.message_id)
        row = first_row(message)
        at_once = _at_once(row, asked)
        # The hold of one that waits for its outcome ends with its answer.
        await self._first_rows.show(row, asked.token if asked.keyed and at_once else None)
        return taken(row) if at_once else await self._outcome(asked, subject(row))

    async def _outcome(self, asked: _Asked, subject: Subject) -> Reply | Problem:
        """Wait for what the provider says, within the bound; the answer is kept before it is given."""
        seen = await self._watching.until(asked.message_id, progress.decided, asked.deadline)
        answer = immediate.answer(subject, asked.forms, seen)
        if not asked.keyed:
            return answer
        if isinstance(answer, Problem):
            await self._release(asked)
            return answer
        return await self._kept(asked, answer)

    async def _kept(self, asked: _Asked, reply: Reply) -> Reply:
        """The answer that all requests with the key are given: this one, unless another was quicker."""
        try:
            kept = await within(
                self._ledger.answered(
                    asked.message_id,
                    asked.token,
                    Answer(asked.fingerprint, reply.status, reply.body),
                    asked.forget_at,
                ),
                _AFTER_SECONDS,
            )
        except LedgerAwayError as error:
            metrics.ANSWERS_LOST.inc()
            _LOG.warning("answer.not_kept message_id=%s error=%r", asked.message_id, error)
            return reply
        if (kept.status, kept.body) == (reply.status, reply.body):
            return reply
        return replies.kept(kept)

    async def _release(self, asked: _Asked) -> None:
        if not asked.keyed:
            return
        try:
            await within(self._ledger.release(asked.message_id, asked.token), _AFTER_SECONDS)
        except LedgerAwayError as error:
            # It ends by itself.
            _LOG.warning("hold.not_released message_id=%s error=%r", asked.message_id, error)


def _at_once(row: StatusRecord, asked: _Asked) -> bool:
    """Whether it is answered without waiting for its outcome: nobody waits for one that is held."""
    return asked.request.queue or row.send_at is not None


def _denied(denied: Denied) -> Problem:
    return Problem(denied.code, denied.detail)


def _not_acknowledged(message_id: str) -> Problem:
    return passing(
        Code.BROKER_UNAVAILABLE,
        "The message was not acknowledged in time and may still be sent. "
        "Repeat with the same idempotency key to be safe; without one, look at its status first",
        message_id=message_id,
    )
