"""Starts a service as `python -m MODULE ARGUMENTS...` would, under the orders that a run has for it.

    python -m tests.chaos.launch NAME MODULE [ARGUMENTS...]

See `tests.chaos.orders` for what can be ordered. Nothing here is in the service's way but a look at a file's
time at each failpoint.
"""

import importlib
import os
import runpy
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from schemas.failpoints import Point, on_reached
from tests.chaos.orders import FILE, At, Orders, read, take

REDIS_URL = "HELIO_REDIS__URL"
#: A stopped process goes on in the thread that the kernel happens to choose; this one stands still there.
_STANDS_SECONDS = 0.2


class Watchman:
    """Does what was ordered at the points that the service reaches. Called from any thread."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name
        self._lock = threading.Lock()
        self._changed = self._stamp()
        self._orders = read(file, name).at
        self._passes: Counter[At] = Counter()
        self._finished: set[At] = set()

    def __call__(self, point: Point) -> None:
        with self._lock:
            self._look_again()
            due = [order for order in self._orders if order.point is point and self._is_due(order)]
        for order in due:
            if take(self._file, self._name, order):
                _stop(signal.SIGKILL if order.do == "kill" else signal.SIGSTOP)

    def _is_due(self, order: At) -> bool:
        """Whether this pass is the one; counts it."""
        self._passes[order] += 1
        if self._passes[order] < order.nth or order in self._finished:
            return False
        self._finished.add(order)
        return True

    def _look_again(self) -> None:
        if (stamp := self._stamp()) != self._changed:
            self._changed = stamp
            self._orders = read(self._file, self._name).at

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns


def _stop(how: signal.Signals) -> None:
    os.kill(os.getpid(), how)
    time.sleep(_STANDS_SECONDS)


def leave_out(guards: tuple[str, ...]) -> None:
    """Take guards out of the service's code, by their names in `tests.chaos.sabotage`."""
    if guards:
        sabotage = importlib.import_module("tests.chaos.sabotage")
        for guard in guards:
            getattr(sabotage, guard)()


def go_through(orders: Orders) -> None:
    """Let every connection to a peer be one to its proxy; what the service knows of the peer stays."""
    if port := orders.via.get("redis"):
        _redis_by(port)
    if port := orders.via.get("kafka"):
        _kafka_by(port)
    if port := orders.via.get("provider"):
        _http_by(port)


def _redis_by(port: int) -> None:
    url = urlsplit(os.environ[REDIS_URL])
    os.environ[REDIS_URL] = urlunsplit(url._replace(netloc=f"{url.hostname}:{port}"))


def _kafka_by(port: int) -> None:
    """A broker tells its own address to clients, so the way is changed where they connect."""
    from aiokafka.conn import AIOKafkaConnection

    made = AIOKafkaConnection.__init__

    def make(self: Any, host: str, _port: int, **options: Any) -> None:
        made(self, host, port, **options)

    AIOKafkaConnection.__init__ = make


def _http_by(port: int) -> None:
    """Below the URL, which is signed and shown to the provider."""
    import aiohappyeyeballs

    start = aiohappyeyeballs.start_connection

    async def start_there(addr_infos: Any, **options: Any) -> Any:
        there = [(*info[:4], (info[4][0], port, *info[4][2:])) for info in addr_infos]
        return await start(there, **options)

    aiohappyeyeballs.start_connection = start_there  # aiohttp looks it up at each connection


def main(name: str, module: str, arguments: list[str]) -> None:
    """Become the service."""
    file = Path(os.environ[FILE])
    orders = read(file, name)
    os.environ.update(orders.env)
    leave_out(orders.without)
    go_through(orders)
    on_reached(Watchman(file, name))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
