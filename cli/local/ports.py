"""Ports on loopback."""

import random
import socket
from collections.abc import Iterable

HOST = "127.0.0.1"
# Below the range that Linux gives to outgoing connections (from 32768): a client that retries while its
# server is down could otherwise be given that very port as its own, and keep the server from coming back.
FIRST = 20_000
LAST = 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on it now. Connections that are still closing do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose(preferred: Iterable[int] = (), taken: Iterable[int] = ()) -> int:
    """The first free port of `preferred`, else any free one; none of `taken`."""
    others = random.sample(range(FIRST, LAST), 200)
    for port in (*preferred, *others):
        if port not in taken and is_free(port):
            return port
    raise OSError("no free port on loopback")
