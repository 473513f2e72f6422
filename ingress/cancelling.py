"""`DELETE /sms/{message_id}`: decided once, by the claim (docs/protocol.md); the answer says how.

The wish is acknowledged by the broker before the claim decides, and the decision before it is answered. So a
DELETE that was cut short can be repeated: it is decided already, and told again. The wish names the attempt
that is next. Where that was handed over the answer is no, and stays no: a rebuild finds the attempt in Kafka.
A wish that came too late is acknowledged, too: a policy that would send the message again honours it.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ingress import statuses
from ingress.batching import Gathered
from ingress.codes import Code
from ingress.ports import NotAcknowledgedError, Publish, Store
from ingress.problems import Problem, passing
from ingress.watching import Watching
from ledger import LedgerAwayError
from ledger.claims import Absent, Cancel, Claim, Closed, Open, Sending
from ledger.view import Seen
from schemas import facts, topics
from schemas.failpoints import Point, reached
from schemas.public import StatusRecord
from schemas.status import SEND_API, SENDING, State
from schemas.tracing import Headers

_LOG: Final = logging.getLogger(__name__)
#: How long the row of a message whose claim is closed is waited for: the fold is that far behind at most.
_ROW_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Cancelled:
    """It was not sent, and never will be."""

    message_id: str


@dataclass(frozen=True)
class Already:
    """It is too late: `word` of the public contract, and `state`, our own."""

    message_id: str
    word: str
    state: str


class Cancelling:
    """The REST door's cancel.

    Args:
        ledger: the view, and who decides.
        watching: waits for rows of `ledger`.
        publish: hands facts to the broker.
        clock: epoch milliseconds.
    """

    def __init__(
        self, ledger: Store, watching: Watching, publish: Publish, *, clock: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._watching = watching
        self._publish = publish
        self._clock = clock
        self._decide: Gathered[Cancel, Claim] = Gathered(ledger.cancel)

    async def cancel(
        self, given: str, organization: str, headers: Headers = ()
    ) -> Cancelled | Already | Problem:
        """Cancel the message `given` of `organization`, or say how far it has got."""
        message_id = statuses.canonical(given)
        if message_id is None:
            return statuses.not_found(given)
        try:
            seen = await self._ledger.get(message_id)
        except LedgerAwayError as error:
            _LOG.warning("view.unavailable message_id=%s error=%r", message_id, error)
            return statuses.unsure()
        row = statuses.owned(given, organization, seen)
        return row if isinstance(row, Problem) else await self._decided(row, seen, headers)

    async def _decided(
        self, row: StatusRecord, seen: Seen, headers: Headers
    ) -> Cancelled | Already | Problem:
        try:
            return await self._cancel(row, seen, headers)
        except LedgerAwayError as error:
            _LOG.warning("cancel.unavailable message_id=%s error=%r", row.message_id, error)
            return _undecided(row.message_id, Code.LEDGER_UNAVAILABLE)
        except NotAcknowledgedError:
            return _undecided(row.message_id, Code.BROKER_UNAVAILABLE)

    async def _cancel(self, row: StatusRecord, seen: Seen, headers: Headers) -> Cancelled | Already:
        if seen.cancelled:
            return await self._repeat(row, headers)
        if row.status is State.UNKNOWN:
            return await self._in_vain(row, seen.claim, headers)
        if row.status is not State.QUEUED:
            return await self._too_late(row, seen.claim)
        claim = seen.claim
        if _next(claim) is None:
            return await self._in_vain(row, claim, headers)
        # Again only where an attempt was made between look and claim, and came to nothing.
        while (attempt := _next(claim)) is not None:
            await self._tell(_asked(row, attempt, self._clock()), headers)
            reached(Point.API_CANCEL_ASKED)
            claim = await self._decide(Cancel(row.message_id, attempt, row.forget_at))
            if isinstance(claim, Closed) and claim.why == "cancelled":
                reached(Point.API_CANCEL_DECIDED)
                await self._tell(_closed(row, self._clock()), headers)
                reached(Point.API_CANCEL_TOLD)
                return Cancelled(row.message_id)
        return await self._too_late(row, claim)

    async def _in_vain(self, row: StatusRecord, claim: Claim, headers: Headers) -> Already:
        """It may have been sent. But no policy is to send it again, if that stays unknown."""
        if (attempt := _in_hand(claim)) is not None:
            await self._tell(_asked(row, attempt, self._clock()), headers)
        return await self._too_late(row, claim)

    async def _repeat(self, row: StatusRecord, headers: Headers) -> Cancelled | Already:
        """It was decided before: told to the fold, too, or its DELETE was cut short in between."""
        found = await self._row_of(row.message_id)
        if found is not None and found.status is not State.QUEUED:
            return Already(row.message_id, SEND_API[found.status], found.status)
        await self._tell(_closed(row, self._clock()), headers)
        return Cancelled(row.message_id)

    async def _too_late(self, row: StatusRecord, claim: Claim) -> Already:
        """What it is already."""
        if row.status is State.QUEUED and isinstance(claim, Closed) and claim.why != "unknown":
            # Settled: the row is about to say how.
            row = await self._row_of(row.message_id) or row
        if row.status is not State.QUEUED:
            return Already(row.message_id, SEND_API[row.status], row.status)
        if isinstance(claim, Closed) and claim.why not in ("sent", "unknown"):
            return Already(row.message_id, SEND_API[State.FAILED], State.FAILED)
        return Already(row.message_id, SENDING, SENDING)

    async def _row_of(self, message_id: str) -> StatusRecord | None:
        """The row once it has left `queued`, or as it is by then."""
        deadline = asyncio.get_running_loop().time() + _ROW_SECONDS
        seen = await self._watching.until(message_id, _moved, deadline)
        return None if seen is None else seen.row

    async def _tell(self, fact: facts.CancelAsked | facts.Closed, headers: Headers) -> None:
        await self._publish(topics.EVENTS, fact.message_id, fact.encode(), headers)


def _moved(seen: Seen) -> bool:
    return seen.row is not None and seen.row.status is not State.QUEUED


def _next(claim: Claim) -> int | None:
    """The attempt that a cancel can still prevent."""
    match claim:
        case Absent():
            return 1
        case Open(attempt=attempt, maybe_sent=False):
            return attempt
        case _:
            return None


def _in_hand(claim: Claim) -> int | None:
    """The attempt that may have been sent, or follows one that may: no rebuild grants a cancel of it."""
    match claim:
        case Sending(attempt=attempt) | Closed(why="unknown", attempt=attempt) | Open(attempt=attempt):
            return attempt
        case _:
            return None


def _asked(row: StatusRecord, attempt: int, now: int) -> facts.CancelAsked:
    return facts.CancelAsked(
        message_id=row.message_id,
        organization=row.organization,
        at=now,
        forget_at=row.forget_at,
        attempt=attempt,
    )


def _closed(row: StatusRecord, now: int) -> facts.Closed:
    return facts.Closed(
        message_id=row.message_id,
        organization=row.organization,
        at=now,
        forget_at=row.forget_at,
        why=facts.ClosedWhy.CANCELLED,
    )


def _undecided(message_id: str, code: Code) -> Problem:
    return passing(
        code,
        "The cancel was not confirmed in time and may still hold. Repeat it to learn how it ended",
        message_id=message_id,
    )
