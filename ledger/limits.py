"""How often something may be done, over all processes. Opens nothing."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing to be done now, under the limit `key`: never more than `rate` + `burst` in a second."""

    key: str
    #: Per second, above 0.
    rate: float
    #: How many may come at once after a pause, at least 1.
    burst: int


def limit_args(asks: Sequence[Limit]) -> list[str | int | float]:
    """The arguments of `allow.lua`."""
    return [part for ask in asks for part in (ask.key, ask.rate, ask.burst)]
