"""The first row of a message: it makes a GET straight after the POST find it, before the fold tells of it."""

import logging
from collections.abc import Sequence
from typing import Final

from ingress import metrics
from ingress.batching import Gathered
from ingress.bounded import within
from ingress.ports import View
from ledger import LedgerAwayError
from ledger.view import First
from schemas import ids
from schemas.messages import Message
from schemas.public import StatusRecord, Step
from schemas.status import State

_LOG: Final = logging.getLogger(__name__)
#: It may not hold the answer up.
_SECONDS: Final = 1.0


def first_row(message: Message) -> StatusRecord:
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
        use_case_id=content.use_case_id,
        to_number=content.to_number,
        text=content.told_text,
        media=content.told_media,
        redacted=content.redact,
        segments=content.segments,
        reference=content.reference,
        fingerprint=content.told_fingerprint,
        send_at=content.send_at,
        provider=message.provider,
        history=(Step(status=State.QUEUED, at=content.accepted_at),),
    )


class FirstRows:
    """Puts first rows into the view: those that come together go together."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._put: Gathered[First, None] = Gathered(self._first)

    async def show(self, row: StatusRecord, token: str | None) -> None:
        """Show `row`, and end the hold of its key that has `token`; while the ledger is away, neither."""
        try:
            await within(self._put(First(row, token)), _SECONDS)
        except LedgerAwayError as error:
            # The message is the broker's already; the fold's own row will show it.
            metrics.FIRST_ROWS_MISSED.inc()
            _LOG.warning("view.missed message_id=%s error=%r", row.message_id, error)

    async def _first(self, rows: Sequence[First]) -> list[None]:
        await self._view.first(rows)
        return [None] * len(rows)
