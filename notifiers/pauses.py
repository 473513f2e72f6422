"""When a failed event is tried again. Times are milliseconds."""

import math
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Self

from schemas.base import Millis
from schemas.settings import NotifierSettings


@dataclass(frozen=True, slots=True)
class Pauses:
    """How pauses grow: each twice the one before, from the first to the longest, a fifth more or less."""

    first_ms: int
    longest_ms: int

    @classmethod
    def of(cls, settings: NotifierSettings) -> Self:
        """As they are set."""
        return cls(round(settings.retry_first_seconds * 1000), round(settings.retry_longest_seconds * 1000))

    def after(self, tries: int, roll: float) -> int:
        """The pause after so many tries, 1 for the first; `roll` is chance, from 0 to 1."""
        # Beyond 2**40 nothing grows any more; a counter that somebody forged must not make a number of years.
        doubled = min(self.first_ms << min(max(tries - 1, 0), 40), self.longest_ms)
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
