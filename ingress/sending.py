"""Sends over REST: judged, acknowledged by the broker, shown in the view; then answered (docs/ingress.md)."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from directory.snapshot import Directory
from ingress import metrics
from ingress.acceptance import Accepted, Denied, accept
from ingress.batching import Gathered
from ingress.codes import Code
from ingress.ports import NotAcknowledgedError, Publish, View
from ingress.problems import Problem, passing
from ingress.tracing import Headers
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.view import First, Seen
from schemas import ids
from schemas.messages import Door, Message
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.requests import SendRequest, fingerprint
from schemas.settings import MessageSettings
from schemas.status import State

_LOG: Final = logging.getLogger(__name__)
#: The first row only makes a GET straight after the POST find the message: it may not hold the answer up.
_FIRST_ROW_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Queued:
    """It is the platform's to send: this request has put it there, or (`replayed`) an earlier one had."""

    message_id: str
    provider: Provider
    replayed: bool = False


class Sending:
    """The REST door's send.

    Args:
        directory: gives the newest snapshot.
        view: where the first row goes, and where a used key is found.
        publish: hands messages to the broker.
        settings: how long messages wait and are remembered.
        clock: epoch milliseconds.
        random: that many random bytes, for ids.
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        view: View,
        publish: Publish,
        settings: MessageSettings,
        *,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._directory = directory
        self._view = view
        self._publish = publish
        self._settings = settings
        self._clock = clock
        self._random = random
        self._first_row: Gathered[First] = Gathered(view.first)

    async def send(self, request: SendRequest, organization: str, headers: Headers = ()) -> Queued | Problem:
        """Take `request` on behalf of `organization`, or say why not; `headers` go with its record."""
        now = self._clock()
        key = request.idempotency_key
        message_id = ids.uuid7(now, self._random(10)) if key is None else ids.of_key(organization, key)
        verdict = accept(
            request,
            organization,
            self._directory(),
            door=Door.REST,
            message_id=message_id,
            now=now,
            settings=self._settings,
        )
        # A malformed request was never taken, so its key cannot have been used by its like.
        if key is not None and not (isinstance(verdict, Denied) and verdict.status == 400):
            known = await self._known(message_id, request, verdict)
            if known is not None:
                return known
        match verdict:
            case Denied(code, detail):
                return Problem(code, detail)
            case Accepted(message, provider):
                return await self._hand_in(message, provider, headers)

    async def _known(
        self, message_id: str, request: SendRequest, verdict: Accepted | Denied
    ) -> Queued | Problem | None:
        """The answer to a key that was used before; None: it was not. The judge is `route`, not this."""
        try:
            seen = await self._view.get(message_id)
        except (LedgerNotReadyError, LedgerUnavailableError) as error:
            _LOG.warning("view.unavailable message_id=%s error=%r", message_id, error)
            return _unsure(message_id)
        return judge(seen, message_id, fingerprint(request), verdict)

    async def _hand_in(self, message: Message, provider: Provider, headers: Headers) -> Queued | Problem:
        message_id = message.message_id
        try:
            await self._publish(message_id, message.encode(), headers)
        except NotAcknowledgedError:
            return passing(
                Code.BROKER_UNAVAILABLE,
                "The message was not acknowledged in time and may still be sent. "
                "Repeat with the same idempotency key to be safe; without one, look at its status first",
                message_id=message_id,
            )
        await self._show(message, provider)
        return Queued(message_id, provider)

    async def _show(self, message: Message, provider: Provider) -> None:
        try:
            async with asyncio.timeout(_FIRST_ROW_SECONDS):
                await self._first_row(First(first_row(message, provider)))
        except (LedgerNotReadyError, LedgerUnavailableError, TimeoutError) as error:
            # The message is the broker's already; the fold's own row will show it.
            metrics.FIRST_ROWS_MISSED.inc()
            _LOG.warning("view.missed message_id=%s error=%r", message.message_id, error)


def judge(seen: Seen, message_id: str, asked: str, verdict: Accepted | Denied) -> Queued | Problem | None:
    """What the view's row of a key's message says to a request with fingerprint `asked`.

    None: the key is new, as far as the view can tell.
    """
    row = seen.row
    if row is None:
        return None if seen.whole else _unsure(message_id)
    if row.fingerprint != asked:
        return Problem(
            Code.CONFLICT,
            "This idempotency key was used with other content",
            {"message_id": message_id},
        )
    if row.provider is None and row.failure is not None:
        # It was refused before it had a way: the same answer again, though it would be taken now.
        return Problem(Code(row.failure.code), row.failure.detail, {"message_id": message_id})
    provider = row.provider or (verdict.provider if isinstance(verdict, Accepted) else None)
    return None if provider is None else Queued(message_id, provider, replayed=True)


def first_row(message: Message, provider: Provider) -> StatusRecord:
    """What the view shows until the fold's first transition."""
    content = message.content
    return StatusRecord(
        id=ids.of_transition(message.message_id, 0),
        message_id=message.message_id,
        organization=message.organization,
        sequence=0,
        status=State.QUEUED,
        at=content.accepted_at,
        accepted_at=content.accepted_at,
        forget_at=message.forget_at,
        from_number=content.from_number,
        to_number=content.to_number,
        text=content.text,
        media=content.media,
        segments=content.segments,
        reference=content.reference,
        fingerprint=content.fingerprint,
        provider=provider,
    )


def _unsure(message_id: str) -> Problem:
    return passing(
        Code.LEDGER_UNAVAILABLE,
        "Whether this idempotency key was used before cannot be told at the moment. Try again",
        message_id=message_id,
    )
