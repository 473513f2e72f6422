"""Which number each recipient knows, looked up before a batch of messages is routed (docs/routing.md)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ledger.errors import LedgerAwayError
from ledger.sticky import Pair, Remembered
from schemas.base import DecodeError
from schemas.messages import Failover, Message, decode_message
from streams import metrics
from streams.engine import Record

log = logging.getLogger(__name__)

#: Only what is sent through a use case has one.
_USE_CASE: Final = b'"use_case_id":"'
_PAUSE_SECONDS: Final = 0.1
#: Once nobody waits for the memory any more: how often it is asked for all the same, and for how long.
_AGAIN_SECONDS: Final = 1.0
_GLANCE_SECONDS: Final = 0.25


Recall = Callable[[Sequence[Pair]], Awaitable[Remembered]]


class Recipients:
    """What the recipients of the batch at hand remember.

    While the memory is away or not whole (the ledger was lost, say), a batch waits for it, `patience_seconds`
    in all until it is whole again; then messages go on with what is known, and the others by hashing.
    """

    def __init__(self, recall: Recall, patience_seconds: float) -> None:
        self._recall = recall
        self._patience_seconds = patience_seconds
        self._known: dict[Pair, str | None] = {}
        #: Since when it has not been whole; None: it is.
        self._since: float | None = None
        self._ask_at = 0.0

    def number(self, use_case_id: str | None, to_number: str) -> str | None:
        """The number that this recipient last saw from the use case, if that is known."""
        return self._known.get((use_case_id or "", to_number))

    async def prepare(self, records: Sequence[Record]) -> None:
        """Look up what the handler will ask of these records: one round trip, none where there is nothing."""
        pairs = list(wanted(records))
        self._known = {}
        if not pairs or await self._look(pairs):
            return
        metrics.UNREMEMBERED.inc()

    async def _look(self, pairs: Sequence[Pair]) -> bool:
        """Whether all that is remembered of them is known now."""
        while True:
            left = self._left()
            if left > 0 or _now() >= self._ask_at:
                found = await self._asked(pairs, max(left, _GLANCE_SECONDS))
                if found is not None:
                    self._known = dict(zip(pairs, found.numbers, strict=True))
                if found is not None and found.whole:
                    self._whole_again()
                    return True
                self._missed(found)
            if self._left() <= 0:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _asked(self, pairs: Sequence[Pair], seconds: float) -> Remembered | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._recall(pairs)
        except (LedgerAwayError, TimeoutError):
            return None

    def _left(self) -> float:
        """For how many seconds it is waited for."""
        return self._patience_seconds - (0.0 if self._since is None else _now() - self._since)

    def _missed(self, found: Remembered | None) -> None:
        if self._since is None:
            self._since = _now()
            log.warning(
                "route.remembering seconds=%.0f: the memory of recipients is away", self._patience_seconds
            )
        # What answers is asked for every batch; of what does not, few may be held up.
        self._ask_at = 0.0 if found is not None else _now() + _AGAIN_SECONDS

    def _whole_again(self) -> None:
        if self._since is not None:
            log.info("route.remembers seconds=%.1f", _now() - self._since)
        self._since = None


def wanted(records: Sequence[Record]) -> dict[Pair, None]:
    """The use cases and recipients of those records that want a number of a pool, in their order."""
    return {
        pair: None
        for record in records
        if record.value is not None and _USE_CASE in record.value
        if (pair := _pair(record.value)) is not None
    }


def _pair(value: bytes) -> Pair | None:
    try:
        message = decode_message(value)
    except DecodeError:
        return None  # the handler buries it
    match message:
        case Message(content=content) if content.from_number is None and content.use_case_id is not None:
            return content.use_case_id, content.to_number
        case Failover(task=task) if task.use_case_id is not None:
            return task.use_case_id, task.to_number
    return None


def _now() -> float:
    return asyncio.get_running_loop().time()
