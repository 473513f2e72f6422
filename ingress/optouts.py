"""`/v1/optouts`: what recipients want, as it is known, and as somebody enters it (docs/optouts.md)."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from directory.snapshot import Directory
from ingress import statuses
from ingress.admin.asked import Page
from ingress.bounded import within
from ingress.codes import Code
from ingress.entered import OptOutBody
from ingress.ports import NotAcknowledgedError
from ingress.problems import Problem, passing
from ledger import LedgerAwayError
from ledger.optouts import Noted, cursor
from schemas import topics
from schemas.base import Millis
from schemas.optouts import Consent, OptOut, Source

_LOG: Final = logging.getLogger(__name__)


class Wishes(Protocol):
    """What is asked of the ledger."""

    async def note_optouts(self, noted: Sequence[Noted]) -> None: ...  # noqa: D102  # see ledger.Ledger
    async def wishes_of(self, organization: str, number: str) -> list[OptOut]: ...  # noqa: D102  # likewise
    async def wishes(self, organization: str, after: str, most: int) -> list[OptOut]: ...  # noqa: D102  # likewise


class Place(Protocol):
    """Puts a value on a topic; its offset once the broker has acknowledged it, -1 where that is not known."""

    async def place(self, topic: str, key: str, value: bytes) -> int: ...  # noqa: D102  # see above


class OptOuts:
    """Reads wishes from the ledger; writes them to their topic, and then to the ledger."""

    def __init__(
        self,
        broker: Place,
        wishes: Wishes,
        directory: Callable[[], Directory],
        *,
        clock: Callable[[], Millis],
    ) -> None:
        self._broker = broker
        self._wishes = wishes
        self._directory = directory
        self._clock = clock

    async def of(self, organization: str, number: str) -> dict[str, Any] | Problem:
        """All that one handset has ever wanted."""
        try:
            found = await within(self._wishes.wishes_of(organization, number))
        except LedgerAwayError as error:
            return _away(error)
        return {"items": [shown(one) for one in found], "next_cursor": None}

    async def page(self, organization: str, page: Page) -> dict[str, Any] | Problem:
        """A part of what all of them want, by number."""
        try:
            found = await within(self._wishes.wishes(organization, page.after, page.limit + 1))
        except LedgerAwayError as error:
            return _away(error)
        items = found[: page.limit]
        more = len(found) > page.limit
        return {"items": [shown(one) for one in items], "next_cursor": cursor(items[-1]) if more else None}

    async def write(
        self, organization: str, wanted: OptOutBody, consent: Consent
    ) -> dict[str, Any] | Problem:
        """Out, or in again: acknowledged by the broker, then noted, so that it holds when it is answered."""
        use_case_id = None if wanted.use_case_id is None else str(wanted.use_case_id)
        if use_case_id is not None and not self._has(organization, use_case_id):
            return Problem(Code.USE_CASE_NOT_FOUND, f"There is no use case {use_case_id}")
        record = OptOut(
            organization=organization, use_case_id=use_case_id, number=wanted.number, consent=consent,
            source=Source.API, at=self._clock(), note=wanted.note,
        )  # fmt: skip
        try:
            offset = await self._broker.place(topics.OPTOUTS, record.key.decode(), record.encode())
        except NotAcknowledgedError:
            return passing(
                Code.BROKER_UNAVAILABLE, "The broker has not acknowledged it; it may still be so. Try again"
            )
        try:
            if offset >= 0:
                await within(self._wishes.note_optouts([Noted(offset, record)]))
        except LedgerAwayError as error:
            _LOG.warning("optouts.unnoted: the follower does it: %r", error)
        return shown(record)

    def _has(self, organization: str, use_case_id: str) -> bool:
        found = self._directory().use_case(use_case_id)
        return found is not None and found.organization == organization


def shown(record: OptOut) -> dict[str, Any]:
    """As it is told."""
    return {
        "number": record.number,
        "use_case_id": record.use_case_id,
        "sender": record.sender,
        "consent": record.consent.value,
        "source": record.source.value,
        "at": statuses.iso(record.at),
        "note": record.note,
    }


def _away(error: LedgerAwayError) -> Problem:
    _LOG.warning("optouts.unavailable error=%r", error)
    return passing(Code.LEDGER_UNAVAILABLE, "Opt-outs are not known at the moment. Try again")
