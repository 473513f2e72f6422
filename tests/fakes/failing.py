"""Since when endpoints fail, in memory; tests/contracts/ledger/test_failing.py holds it to the real one."""

from collections.abc import Sequence

from ledger import LedgerUnavailableError
from ledger.subscriptions import News


class MemoryFailing:
    """See `ledger.subscriptions.Failing`. `down` is for tests to set."""

    def __init__(self) -> None:
        self.since: dict[str, int] = {}
        self.down = False

    async def note(self, news: Sequence[News]) -> list[int]:
        """Since when each has only failed."""
        if self.down:
            raise LedgerUnavailableError("down")
        found = []
        for one in news:
            since = self.since.get(one.endpoint)
            if since is not None and since <= one.answered_at:
                del self.since[one.endpoint]
            if one.failed_at:
                self.since.setdefault(one.endpoint, one.failed_at)
            found.append(self.since.get(one.endpoint, 0))
        return found
