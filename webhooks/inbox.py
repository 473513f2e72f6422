"""Puts texts on `sms.inbound.v1`: nothing is lost, and repeats are dropped where that is cheap and certain.

A repeat that slips through has the id of the first, so that readers can drop it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Final, Protocol

from broker.publish import Outgoing
from ledger.inbound import Mark
from schemas import cloudevents, topics
from schemas.public import InboundRecord
from webhooks.publishing import Produce

_LOG: Final = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 0.05


#: Does what must be done before a text is taken; whether that is done.
Before = Callable[[], Awaitable[bool]]


class Marks(Protocol):
    """What is remembered of texts, over all processes (`ledger.inbound`)."""

    async def taking(self, record_id: str, life_ms: int) -> Mark:
        """What was marked; where nothing was, `TAKING` is from now on."""
        ...

    async def taken(self, record_id: str) -> None:
        """It is acknowledged."""
        ...


class Taking(Enum):
    """What became of a text."""

    #: The broker has acknowledged its record.
    TAKEN = auto()
    #: That was so before, or by another call at the same time.
    REPEATED = auto()
    #: Not acknowledged in time; it may still be.
    AWAY = auto()


class Inbox:
    """Takes texts. Of one text one record is under way at a time in this process.

    Args:
        produce: to the broker.
        marks: what other processes have taken.
        timeout_seconds: a call is answered within this, whatever still goes on.
        patience_seconds: so long a call waits for another process that is at the same text. Then it
            produces by itself: that process may have died, and a provider may not come again.
    """

    def __init__(
        self, produce: Produce, marks: Marks, *, timeout_seconds: float, patience_seconds: float = 1.0
    ) -> None:
        self._produce = produce
        self._marks = marks
        self._timeout = timeout_seconds
        self._patience = patience_seconds
        self._under_way: dict[str, asyncio.Task[Taking]] = {}

    async def take(
        self,
        record: InboundRecord,
        trace: Sequence[tuple[str, bytes]] = (),
        *,
        before: Before | None = None,
    ) -> Taking:
        """Produce `record`, unless it has been; returns when the broker has acknowledged it, or in time.

        `before` is done first, and again if that is repeated: without it the text is not taken.
        """
        task = self._under_way.get(record.id)
        joined = task is not None
        if task is None:
            task = asyncio.create_task(self._once(record, trace, before))
            self._under_way[record.id] = task
            task.add_done_callback(partial(self._ended, record.id))
        try:
            async with asyncio.timeout(self._timeout):
                # The producer goes on when this call has been answered: the next one then finds it done.
                found = await asyncio.shield(task)
        except TimeoutError:
            return Taking.AWAY
        return Taking.REPEATED if joined and found is Taking.TAKEN else found

    async def _once(
        self, record: InboundRecord, trace: Sequence[tuple[str, bytes]], before: Before | None
    ) -> Taking:
        if await self._is_taken(record.id):
            return Taking.REPEATED
        if before is not None and not await before():
            return Taking.AWAY
        if await self._produce(_outgoing(record, trace)) is None:
            return Taking.AWAY
        try:
            await self._marks.taken(record.id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the text is taken
            _LOG.warning("inbound.unmarked id=%s: a repeat would be produced again: %r", record.id, error)
        return Taking.TAKEN

    async def _is_taken(self, record_id: str) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            try:
                mark = await self._marks.taking(record_id, round(self._timeout * 1000))
            except Exception as error:  # noqa: BLE001 - marks only help: for none of its troubles a text is lost
                _LOG.warning("inbound.unknown id=%s: produced in any case: %r", record_id, error)
                return False
            if mark is not Mark.TAKING or loop.time() >= until:
                return mark is Mark.TAKEN
            await asyncio.sleep(_PAUSE_SECONDS)

    def _ended(self, record_id: str, task: asyncio.Task[Taking]) -> None:
        del self._under_way[record_id]
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("inbound.failed id=%s error=%r", record_id, error)


def _outgoing(record: InboundRecord, trace: Sequence[tuple[str, bytes]]) -> Outgoing:
    event = cloudevents.headers(id=record.id, type=topics.INBOUND, at=record.at, subject=record.from_number)
    return Outgoing(topics.INBOUND, record.from_number.encode(), record.encode(), (*event, *trace))
