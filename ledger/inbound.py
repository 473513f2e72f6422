"""Which inbound texts are taken: marks by which repeats of a provider's call are told (docs/webhooks.md).

They are a help, not the truth: a mark that is lost lets a repeat through, under the id of the first. So they
need no epoch, and nothing is rebuilt.
"""

from enum import StrEnum
from typing import Final

from ledger.server import Server

#: As long as any provider repeats a call: Vonage for a day, by an older article three.
KEPT_MS: Final = 3 * 24 * 3_600_000


class Mark(StrEnum):
    """What was marked of a text before this call."""

    NONE = ""
    #: Another call is being seen to.
    TAKING = "taking"
    #: The broker has acknowledged its record.
    TAKEN = "taken"


class InboundMarks:
    """Marks by the ids of `schemas.ids.of_inbound`. One script call each, which may be repeated.

    Methods raise `LedgerUnavailableError` when the server does not answer or takes no writes.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    async def taking(self, record_id: str, life_ms: int) -> Mark:
        """What was marked; where nothing was, `TAKING` is from now on, for `life_ms`."""
        return await self._marked(record_id, Mark.TAKING, life_ms)

    async def taken(self, record_id: str) -> None:
        """The broker has acknowledged the record: repeats are told for `KEPT_MS`."""
        await self._marked(record_id, Mark.TAKEN, KEPT_MS)

    async def _marked(self, record_id: str, word: Mark, life_ms: int) -> Mark:
        known: bytes = await self._server.run("inbound", record_id, word, life_ms)
        return Mark(known.decode())
