"""Who had asked for no more texts, and since when: from what handsets wrote, and nothing else. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from tests.e2e.channel.simlog import Written

#: How long a hand-over may be under way that began before a STOP came: no claim holds longer
#: (`HELIO_DISPATCH__HTTP_TIMEOUT_SECONDS` and `..._CLAIM_MARGIN_SECONDS`). Until then its text may arrive.
UNDER_WAY_SECONDS: Final = 15.0
#: Clocks of one machine, read by several processes.
_CLOCKS_SECONDS: Final = 0.05
#: Only these are written in a run; the whole lists are tested elsewhere.
STOP: Final = frozenset({"STOP", "unsubscribe"})
START: Final = frozenset({"START"})


class Wishes:
    """What each handset wished of each use case, in the order of time.

    `holding` gives the use cases whose pool holds a number: these a word to it is about.
    """

    def __init__(self, written: Iterable[Written], holding: Callable[[str], Iterable[str]]) -> None:
        self._words: defaultdict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
        for one in sorted(written, key=lambda one: one.at):
            if one.text in STOP | START:
                for use_case in holding(one.to):
                    self._words[use_case, one.handset].append((one.at, one.text in STOP))

    def out_since(self, use_case: str, handset: str, at: float) -> float | None:
        """When the STOP came that was in force at `at`; None if none was. Of several the first."""
        since: float | None = None
        for moment, out in self._words[use_case, handset]:
            if moment > at:
                break
            since = (moment if since is None else since) if out else None
        return since

    def may_be_out(self, use_case: str, handset: str, begin: float, end: float) -> bool:
        """Whether a STOP may have been in force at any moment from `begin` to `end`."""
        words = self._words[use_case, handset]
        for place, (moment, out) in enumerate(words):
            over = next((later for later, is_out in words[place:] if not is_out), None)
            late = moment > end + _CLOCKS_SECONDS
            if out and not late and (over is None or over + UNDER_WAY_SECONDS >= begin):
                return True
        return False
