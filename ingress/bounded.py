"""The ledger as the REST door waits for it: for a moment. A hung one is as good as one that is away."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from ingress.ports import Store
from ledger import LedgerUnavailableError
from ledger.claims import Cancel, Claim
from ledger.holds import Answer, Found, Hold
from ledger.queues import Queues
from ledger.view import First, Seen
from schemas.base import Millis

_T = TypeVar("_T")
#: A script takes milliseconds. The clients' own timeout counts each of connecting, waiting and answering.
SECONDS: Final = 2.0


async def within(answer: Awaitable[_T], seconds: float = SECONDS) -> _T:
    """What the ledger answers.

    Raises:
        LedgerUnavailableError: nothing in time; what was asked may have been done.
    """
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError:
        raise LedgerUnavailableError(f"no answer within {seconds:g} s") from None


class Bounded:
    """`ledger`, whose every call ends within `SECONDS`."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger

    async def first(self, rows: Sequence[First]) -> None:
        """See `Store`, as for all of these."""
        await within(self._ledger.first(rows))

    async def get(self, message_id: str) -> Seen:
        """What the view shows of a message."""
        return await within(self._ledger.get(message_id))

    async def get_many(self, ids: Sequence[str]) -> list[Seen]:
        """What it shows of each of them."""
        return await within(self._ledger.get_many(ids))

    async def hold(self, asks: Sequence[Hold]) -> list[Found]:
        """Take each key if it is free."""
        return await within(self._ledger.hold(asks))

    async def release(self, message_id: str, token: str) -> None:
        """A hold is over."""
        await within(self._ledger.release(message_id, token))

    async def answered(self, message_id: str, token: str, answer: Answer, forget_at: Millis) -> Answer:
        """Keep an answer."""
        return await within(self._ledger.answered(message_id, token, answer, forget_at))

    async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
        """Close claims as cancelled."""
        return await within(self._ledger.cancel(asks))

    async def queues(self, organization: str, now: Millis) -> Queues:
        """An organization's figures."""
        return await within(self._ledger.queues(organization, now))
