"""The Kafka door tells the ledger which keys it uses, before it hands their records on (docs/ingress.md).

Nothing else knows of such a key until the fold has written its row. A request over REST with the key and
other content would be answered `queued` in between, and be refused by `route` behind its caller's back.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ingress import metrics
from ingress.bounded import within
from ledger import LedgerAwayError
from ledger.holds import Found, Hold

_LOG: Final = logging.getLogger(__name__)
#: A ledger that takes longer is as good as away: the records do not wait for it, for `route` is the judge.
_SECONDS: Final = 0.5
#: In one call: a script holds up everybody else while it runs.
_MOST: Final = 500
#: By then the row is there, and says it for as long as the message is remembered; each of these costs memory.
_BOUND_MS: Final = 3_600_000
#: Nobody has to tell these holds from each other: each is over at once, and only its content counts.
_TOKEN: Final = "intake"  # noqa: S105  a word that names a hold, no secret


@dataclass(frozen=True)
class Used:
    """A key that a record uses: by the id that its message has, and the content."""

    message_id: str
    fingerprint: str


class Binding:
    """Binds keys to their content.

    Args:
        hold: the ledger's.
        clock: epoch milliseconds.
    """

    def __init__(
        self, hold: Callable[[Sequence[Hold]], Awaitable[Sequence[Found]]], clock: Callable[[], int]
    ) -> None:
        self._hold = hold
        self._clock = clock

    async def bind(self, used: Sequence[Used]) -> None:
        """Bind each key that nobody holds or has used; in order, so that of two contents the first counts.

        A request over REST that is under way keeps its key: whichever record comes first is the message.
        While the ledger is away or slow, or its view is not whole, nothing is bound.
        """
        asks = [self._ask(one) for one in used]
        try:
            await within(self._held(asks), _SECONDS)
        except LedgerAwayError as error:
            metrics.KEYS_UNBOUND.inc(len(asks))
            _LOG.warning("keys.unbound count=%d error=%r", len(asks), error)

    async def _held(self, asks: Sequence[Hold]) -> None:
        for start in range(0, len(asks), _MOST):
            await self._hold(asks[start : start + _MOST])

    def _ask(self, used: Used) -> Hold:
        return Hold(
            message_id=used.message_id,
            fingerprint=used.fingerprint,
            token=_TOKEN,
            hold_ms=0,
            forget_at=self._clock() + _BOUND_MS,
        )
