"""uvicorn as our services run it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from broker.stopping import no_longer, when_told

#: How long requests under way are waited for at the end.
_GRACE_SECONDS: Final = 12
#: Idle connections are kept for longer than callers and load balancers keep theirs (commonly 60 seconds), or
#: a request meets a connection that is just being closed: for a POST its caller cannot know what came of it.
_KEEP_ALIVE_SECONDS: Final = 75


class Server(uvicorn.Server):
    """An HTTP server for `app` that stops at SIGTERM and SIGINT and leaves the rest to its owner.

    `listening` is called once connections are taken.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int, *, listening: Callable[[], None] = lambda: None
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            lifespan="off",
            access_log=False,
            # Nothing here depends on who calls from where.
            proxy_headers=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(config)
        self._listening = listening
        self._signalled = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal. uvicorn's own way raises it again before our clients are closed."""
        if self._signalled:
            when_told(self.stop)
        try:
            yield
        finally:
            if self._signalled:
                no_longer()

    def stop(self) -> None:
        """Finish what is under way, then end."""
        self.should_exit = True

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Serve beside other work, which handles signals itself."""
        self._signalled = False
        task = asyncio.create_task(self.serve())
        try:
            yield
        finally:
            self.stop()
            await task
