"""The state file: lines of JSON, appended before anything is answered.

A line that was handed to the kernel survives the death of this process; nothing here protects
against the loss of the machine, since no promise of a test rests on that.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class StateInUseError(RuntimeError):
    """Another simulator holds the state file: two judges of one network would disagree."""


class Journal:
    """An append-only file of records, held by one process at a time.

    Raises:
        StateInUseError: another process has it open.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise StateInUseError(f"{path} is in use by another simulator") from None
        self._path = path
        self._size = os.fstat(self._file).st_size

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first. A last line that a kill cut short is removed."""
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            self._truncate(whole)
        return [json.loads(line) for line in content[:whole].splitlines()]

    def append(self, record: dict[str, Any]) -> None:
        """Add one record; when this returns, a restart will find it.

        Raises:
            OSError: it could not be written; the file is as it was.
        """
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file, line) == len(line):
            self._size += len(line)
            return
        # A torn line would swallow the next one. (An error of the write itself wrote nothing.)
        self._truncate(self._size)
        raise OSError(f"{self._path}: no room for a record of {len(line)} bytes")

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self._size = size

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
