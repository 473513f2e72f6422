"""Since when the endpoints of subscriptions have only failed, as all notifiers know it together.

helio:failing:<subscription>:<version> = <since>, for `FAILING_MS` after the latest failure: of an endpoint
that nobody has tried for so long nobody knows how it does. A help, not the truth: what is lost begins anew.
No epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.server import Server
from schemas.base import Millis

#: Longer than the longest pause between two tries of an event, and than a night without any.
FAILING_MS: Final = 2 * 24 * 3_600_000


def endpoint(subscription: str, version: int) -> str:
    """Its name: whatever is changed of the subscription, be it that it is made active, begins anew."""
    return f"{subscription}:{version}"


@dataclass(frozen=True, slots=True)
class News:
    """How an endpoint, as `endpoint` names it, has done: 0 where it has not.

    `failed_at` is the first failure after `answered_at`, the latest answer that was good.
    """

    endpoint: str
    answered_at: Millis = 0
    failed_at: Millis = 0


class Failing:
    """One script call for each batch, which may be repeated.

    Methods raise `LedgerUnavailableError` when the server does not answer or takes no writes.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    async def note(self, news: Sequence[News]) -> list[Millis]:
        """Since when each has only failed; 0 for those that do not fail."""
        if not news:
            return []
        args = [part for one in news for part in (one.endpoint, one.answered_at, one.failed_at)]
        found: list[Millis] = await self._server.run("failing", FAILING_MS, *args)
        return found

    async def since(self, endpoints: Sequence[str]) -> list[Millis]:
        """As `note`, of endpoints of which there is no news: nothing is changed."""
        return await self.note([News(one) for one in endpoints])
