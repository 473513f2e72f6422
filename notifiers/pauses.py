"""When a failed event is tried again. Times are milliseconds."""

import math
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Self

from schemas.base import Millis
from schemas.settings import NotifierSettings
from schemas.waiting import EARLY_MS, STEPS_MS

#: What chance adds to a pause in a waiting topic: not nothing, as some time passes on the way there, and less
#: than what a record may be early by, which its target keeps in memory.
_LEAST_MS: Final = EARLY_MS // 10
_MOST_MS: Final = EARLY_MS - _LEAST_MS


@dataclass(frozen=True, slots=True)
class Pauses:
    """How pauses grow.

    An event's are as long as the waiting topics' (10 s, 1 min, 10 min, 1 h), and some seconds that chance
    adds, so that each costs one of these records and one on the way back; only the first may be shorter.
    """

    first_ms: int
    longest_ms: int

    @classmethod
    def of(cls, settings: NotifierSettings) -> Self:
        """As they are set."""
        return cls(round(settings.retry_first_seconds * 1000), round(settings.retry_longest_seconds * 1000))

    def after(self, tries: int, roll: float) -> int:
        """An event's pause after so many tries, 1 for the first; `roll` is chance, from 0 to 1."""
        if tries <= 1 and self.first_ms < EARLY_MS:
            return round(self.first_ms * (0.8 + 0.4 * roll))
        steps = [step for step in STEPS_MS if self.first_ms <= step <= self.longest_ms] or [STEPS_MS[0]]
        step = steps[min(max(tries - (1 if self.first_ms >= EARLY_MS else 2), 0), len(steps) - 1)]
        return step + round(_LEAST_MS + roll * (_MOST_MS - _LEAST_MS))

    def rest(self, rests: int, roll: float) -> int:
        """How long an endpoint is left in peace: each time twice as long; `rests` is 1 for the first."""
        # Beyond 2**40 nothing grows any more; a counter that somebody forged must not make a number of years.
        doubled = min(self.first_ms << min(max(rests - 1, 0), 40), self.longest_ms)
        return min(self.longest_ms, round(doubled * (0.8 + 0.4 * roll)))

    def asked(self, own: int, wanted: int | None) -> int:
        """The pause where the endpoint `wanted` one: at least our `own`, at most the longest."""
        return own if wanted is None else max(own, min(wanted, self.longest_ms))


def retry_after(value: str | None, now: Millis) -> int | None:
    """The pause that `Retry-After` asks for (RFC 9110, 10.2.3: seconds, or a date); None: no readable one."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return int(text[:9]) * 1000
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    return max(0, math.ceil(moment * 1000) - now)
