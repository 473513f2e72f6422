"""What an app on the engine serves of itself: `/livez`, `/readyz`, `/metrics`."""

from contextlib import AsyncExitStack
from time import monotonic
from typing import Final

from broker import health
from broker.progress import Progress, Stand
from schemas.settings import StreamSettings
from streams import engine, metrics

#: Reading goes on at every second, also where nothing comes; not during a rebalance.
_STILL_SECONDS: Final = 30.0


class Figures:
    """Of `app` and its one table: up from `start` to `stop`; `look` at them now and then, between records."""

    def __init__(self, app: engine.App, table: engine.Table, settings: StreamSettings) -> None:
        self._app = app
        self._table = table
        self._settings = settings
        self._stack = AsyncExitStack()
        self._progress = Progress(app.conf.id)
        #: Set once the tables are recovered and records may come.
        self.ready = False

    async def start(self) -> None:
        """Listen, before anything else: whoever asks meanwhile is told that it is not ready."""
        checks = {"tables": self._recovered, "reading": self._reading}
        await self._stack.enter_async_context(
            health.serving(self._settings.host, self._settings.port, checks)
        )

    async def stop(self) -> None:
        """Listen no more."""
        await self._stack.aclose()

    def look(self) -> None:
        """Set what is looked at rather than counted."""
        metrics.TABLE_ROWS.labels(self._table.name).set(len(self._table))
        stands = {tp: Stand(committed, end) for tp, (committed, end) in self._app.consumer.stands().items()}
        self._progress.show(stands, monotonic())

    async def _recovered(self) -> str:
        return health.OK if self.ready else "recovering"

    async def _reading(self) -> str:
        still = monotonic() - self._app.consumer.turned_at if self.ready else 0
        return health.OK if still < _STILL_SECONDS else "stands still"
