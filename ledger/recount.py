"""What each day cap has let go today, by what Kafka says of hand-overs: for a ledger that was lost. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from ledger.days import Day
from schemas.base import Millis
from schemas.facts import AnyFact, OutcomeFact
from schemas.provider import Throttled, Unavailable
from schemas.tasks import Intents

#: An intent may have waited for its slot that long before it was won: what was intended just before midnight
#: counts as of today. That may be some segments too many, and never one too few.
_WAITED_MS: Final = 120_000


class Recount:
    """Facts come first, all of them, then intents, in the order of their log.

    An intent of today counts unless it was voided, or its hand-over provably did not happen. Memory grows
    with those that count: about as many as the caps of a day let go.
    """

    def __init__(self, today: Day) -> None:
        self.today = today
        self._given_back: set[str] = set()
        self._standing: dict[str, tuple[tuple[str, ...], int]] = {}

    def fact(self, fact: AnyFact) -> None:
        """A fact about any message."""
        if not isinstance(fact, OutcomeFact) or not self._is_of_today(fact.at):
            return
        if fact.again or isinstance(fact.outcome, Throttled | Unavailable):
            self._given_back.add(fact.nonce)

    def intents(self, batch: Intents) -> None:
        """A record of `sms.intents.v1`."""
        if self._is_of_today(batch.at):
            for intent in batch.intents:
                if intent.caps and intent.nonce not in self._given_back:
                    self._standing[intent.nonce] = (intent.caps, intent.segments)
        for void in batch.voids:
            self._standing.pop(void.nonce, None)

    @property
    def segments(self) -> Mapping[str, int]:
        """By cap."""
        found: Counter[str] = Counter()
        for caps, segments in self._standing.values():
            for cap in caps:
                found[cap] += segments
        return found

    def _is_of_today(self, at: Millis) -> bool:
        return at >= self.today.start - _WAITED_MS
