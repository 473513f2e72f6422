"""The result file beside a CSV: what became of each row, written as it happens, read by the next run."""

import csv
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from cli.commands.rows import Row
from cli.commands.trouble import Exit, TroubleError

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
FAILED: Final = "failed"
_COLUMNS: Final = ("key", "line", "to", "outcome", "message_id", "detail")


def beside(file: Path) -> Path:
    """Where the results of `file` go: `people.csv` -> `people.results.csv`."""
    return file.with_name(f"{file.stem}.results.csv")


def accepted(path: Path) -> dict[str, str]:
    """The message ids of the rows that an earlier run has handed in, by key."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        # A run that was killed may have left half a line: it lacks its last cell, and is sent again.
        return {
            cells["key"]: cells["message_id"]
            for cells in csv.DictReader(lines)
            if cells.get("outcome") == ACCEPTED and cells.get("detail") is not None
        }


class Journal:
    """Appends outcomes to `path`. Use as a context manager.

    Raises:
        TroubleError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None
        self._rows: Any = None

    def __enter__(self) -> Self:
        try:
            torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
            self._file = self.path.open("a", encoding="utf-8", newline="", buffering=1)
        except OSError as error:
            raise TroubleError(
                f"cannot write the results to {self.path} ({error.strerror}): say where with --results",
                Exit.NO,
            ) from None
        self._rows = csv.writer(self._file, lineterminator="\n")
        if self._file.tell() == 0:
            self._rows.writerow(_COLUMNS)
        elif torn:
            self._file.write("\n")
        return self

    def write(self, row: Row, outcome: str, message_id: str = "", detail: str = "") -> None:
        """One row's outcome."""
        number = row.body["to_phone_number"]
        try:
            self._rows.writerow((row.key, row.line, number, outcome, message_id, detail))
        except OSError as error:
            raise TroubleError(f"cannot write {self.path}: {error.strerror}", Exit.NO) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
