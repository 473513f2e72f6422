"""How much of what all share one organization may take."""

from collections import Counter


class Shares:
    """So many places for all organizations: one may have as many as are still free, then no more.

    So one alone gets a half, two get a third each, and whoever comes next always finds some: the dynamic
    thresholds that switches divide their buffers by (Choudhury and Hahne, 1998).
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: Counter[str] = Counter()
        #: Places taken by all.
        self.total = 0

    def free(self, organization: str) -> bool:
        """Whether the organization may take one more."""
        return self._taken[organization] < self._places - self.total

    def take(self, organization: str) -> None:
        """It takes one."""
        self._taken[organization] += 1
        self.total += 1

    def give(self, organization: str) -> None:
        """It gives one back."""
        self._taken[organization] -= 1
        self.total -= 1
        if not self._taken[organization]:
            del self._taken[organization]
