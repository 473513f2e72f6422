"""Each API key's own rate, over all processes; counted by the ledger."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ingress import metrics
from ingress.batching import Gathered
from ingress.bounded import within
from ingress.codes import Code
from ingress.problems import Problem, passing
from ledger import LedgerAwayError
from ledger.limits import Limit
from schemas.directory import ApiKey

_LOG: Final = logging.getLogger(__name__)
#: A ledger that takes longer is as good as away: the check may not hold requests up.
_SECONDS: Final = 0.5

#: Takes one of each limit where there is one, and says how many milliseconds to wait where there is none.
#: Raises LedgerUnavailableError, or LedgerNotReadyError.
Allow = Callable[[Sequence[Limit]], Awaitable[Sequence[int]]]


class RateLimit:
    """Holds keys to their rates. A key without one costs nothing.

    It fails open: while the ledger is away every request is taken. A rate keeps tenants fair and costs in
    bounds; it does not keep anybody out, which scopes and status do.
    """

    def __init__(self, allow: Allow) -> None:
        self._take: Gathered[Limit, int] = Gathered(allow)

    async def check(self, key: ApiKey) -> Problem | None:
        """Take one request of `key`, or say when the next one is taken."""
        if key.rate is None:
            return None
        try:
            # No two organizations have a key of one id: `directory.snapshot.refusal`.
            wait_ms = await within(self._take(Limit(key.id, key.rate, key.burst)), _SECONDS)
        except LedgerAwayError as error:
            metrics.LIMITS_MISSED.inc()
            _LOG.warning("limit.unavailable key=%s error=%r", key.id, error)
            return None
        return _limited(key.rate, wait_ms) if wait_ms > 0 else None


def _limited(rate: float, wait_ms: int) -> Problem:
    seconds = -(-wait_ms // 1000)
    return passing(
        Code.RATE_LIMITED,
        f"This API key may make {rate:g} requests per second. Try again in {seconds} s",
        after=seconds,
    )
