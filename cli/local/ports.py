"""Ports on loopback."""

import fcntl
import functools
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

HOST = "127.0.0.1"
# Below the range that Linux gives to outgoing connections (from 32768): a client that retries while its
# server is down could otherwise be given that very port as its own, and keep the server from coming back.
FIRST = 20_000
LAST = 32_000

#: What this process has chosen, and keeps from the others of its user until it ends.
_kept: set[int] = set()


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
    """The first free port of `preferred`, else any free one; none of `taken`.

    It stays this process': no other process of this user chooses it, also while nobody listens on it, and
    this one only where it prefers it.
    """
    unkept = [port for port in random.sample(range(FIRST, LAST), 200) if port not in _kept]
    for port in (*preferred, *unkept):
        if port not in taken and _keep(port) and is_free(port):
            return port
    raise OSError("no free port on loopback")


def _keep(port: int) -> bool:
    """Whether no other process has chosen it; then it is ours until we end, however we do."""
    try:
        fcntl.lockf(_chosen(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):  # either, says POSIX
        return False
    _kept.add(port)
    return True


@functools.cache
def _chosen() -> int:
    """A file with a byte for each port, locked by who has chosen it.

    Never closed: to close any descriptor of a file gives up all that the process has locked in it.
    """
    path = Path(tempfile.gettempdir(), f"heliograph-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
