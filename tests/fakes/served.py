"""The admin API on loopback, with the directory in memory."""

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

from ingress.keys import authenticate
from ingress.server import Server
from schemas.directory import ApiKey, Scope
from tests.fakes.admin import AdminDoor


class Served:
    """The admin API at `url`."""

    def __init__(self) -> None:
        self.door = AdminDoor()
        self.started = threading.Event()
        self.url = ""
        self.stop: Callable[[], object]

    def run(self) -> None:
        """Until `stop`."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        self.stop = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stopped.set)
        app = Starlette(routes=self.door.routes())
        server = Server(app, "127.0.0.1", 0, listening=lambda: self._listening(server))
        async with server.beside():
            await stopped.wait()

    def _listening(self, server: Server) -> None:
        port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.started.set()

    def opens(self, key: str) -> bool:
        """Whether `key` may send."""
        found = authenticate(f"Bearer {key}", self.door.directory, Scope.SEND, self.door.now)
        return isinstance(found, ApiKey)


@contextmanager
def serving() -> Iterator[Served]:
    """The admin API, until the block ends."""
    made = Served()
    thread = threading.Thread(target=made.run)
    thread.start()
    assert made.started.wait(20)
    yield made
    made.stop()
    thread.join(20)
