"""A CSV file of messages: read and checked as a whole before the first of them is sent."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.commands.trouble import Exit, TroubleError

REQUIRED: Final = ("to", "text")
OPTIONAL: Final = ("from", "key", "media", "immediate", "reference")
_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"", "0", "false", "no"})
_SHOWN_PROBLEMS: Final = 10


@dataclass(frozen=True)
class Row:
    """One message of a file: where it stands, its idempotency key and the request's body."""

    line: int
    key: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Defaults:
    """What rows do not say themselves. `batch` tells two sendings of one file apart."""

    sender: str | None
    immediate: bool
    batch: str
    #: All rows go through this use case, which chooses their senders.
    use_case: str | None = None


def check(file: Path, defaults: Defaults) -> int:
    """How many messages `file` holds.

    Raises:
        TroubleError: a column is missing or unknown, or a row cannot be sent; names the lines.
    """
    count, problems = 0, []
    for row in read(file, defaults):
        count += 1
        if isinstance(row, str):
            problems.append(row)
    if problems:
        shown = "\n  ".join(problems[:_SHOWN_PROBLEMS])
        more = f"\n  and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
        raise TroubleError(f"nothing was sent, {file} has rows to mend:\n  {shown}{more}", Exit.NO)
    return count


def read(file: Path, defaults: Defaults) -> Iterator[Row | str]:
    """The rows of `file` in order; in place of one that cannot be sent, a sentence that names its line.

    Raises:
        TroubleError: the file cannot be read, or its columns are not those of `REQUIRED` and `OPTIONAL`.
    """
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before the first column's name.
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, strict=True)
            _check_columns(file, table.fieldnames or ())
            repeats: Counter[bytes] = Counter()
            for cells in table:
                yield _row(table.line_num, cells, defaults, repeats)
    except OSError as error:
        raise TroubleError(f"cannot read {file}: {error.strerror}", Exit.NO) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise TroubleError(f"{file} is not a CSV file in UTF-8: {error}", Exit.NO) from None


def _check_columns(file: Path, found: Any) -> None:
    missing = [name for name in REQUIRED if name not in found]
    # A column that is left out in silence (`medai`) would send thousands of wrong messages.
    unknown = [name for name in found if name not in REQUIRED + OPTIONAL]
    if missing or unknown:
        said = [f"has no column `{name}`" for name in missing]
        said += [f"has a column `{name}` that means nothing here" for name in unknown]
        known = ", ".join(REQUIRED + OPTIONAL)
        raise TroubleError(f"{file} {' and '.join(said)}; the columns are: {known}", Exit.NO)


def _row(line: int, cells: dict[str, Any], defaults: Defaults, repeats: Counter[bytes]) -> Row | str:
    if None in cells or None in cells.values():
        return f"line {line}: has another number of columns than the header"
    flag = cells.get("immediate", "").strip().lower()
    missing = [name for name in REQUIRED if not cells[name]]
    if missing:
        return f"line {line}: `{missing[0]}` is empty"
    if flag not in _YES | _NO:
        return f"line {line}: `immediate` is {flag!r}, not yes or no"
    immediate = flag in _YES or (not flag and defaults.immediate)
    via = _via(cells.get("from"), defaults, immediate=immediate)
    if isinstance(via, str):
        return f"line {line}: {via}"
    body = request(
        via=via,
        to=cells["to"],
        text=cells["text"],
        media=cells.get("media", "").split(),
        immediate=immediate,
        reference=cells.get("reference") or None,
    )
    key = cells.get("key") or _key(body, defaults.batch, repeats)
    return Row(line, key, {**body, "idempotency_key": key})


def _via(sender: str | None, defaults: Defaults, *, immediate: bool) -> dict[str, str] | str:
    """What the row goes out through, as a field of the request; or what is wrong about it."""
    if defaults.use_case is None:
        sender = sender or defaults.sender
        return sent_from(sender) if sender else "no sender: add a column `from`, or give --from"
    if sender:
        return "`from` names a sender, and --use-case would choose one: leave one of them out"
    if immediate:
        return "`immediate` is for sends from a number, not through a use case"
    return sent_through(defaults.use_case)


def sent_from(number: str) -> dict[str, str]:
    """The field of a request that goes out from a number."""
    return {"from_phone_number": number}


def sent_through(use_case: str) -> dict[str, str]:
    """The field of a request that goes through a use case."""
    return {"use_case_id": use_case}


def request(
    *, via: Mapping[str, str], to: str, text: str, media: list[str], immediate: bool, reference: str | None
) -> dict[str, Any]:
    """The body of `POST /sms/send`, or of `POST /v1/sms/` through a use case; what is unasked left out."""
    body: dict[str, Any] = {**via, "to_phone_number": to, "message": text}
    if media:
        body["media_urls"] = media
    if immediate:
        body["queue"] = False
    if reference is not None:
        body["reference"] = reference
    return body


def _key(body: dict[str, Any], batch: str, repeats: Counter[bytes]) -> str:
    """The row's own key: of its content, not of its line, so that rows can be added, moved and mended.

    Equal rows are told apart by counting them: the file says how often it means them.
    """
    digest = hashlib.sha256(repr((batch, sorted(body.items()))).encode()).digest()[:16]
    repeats[digest] += 1
    return f"csv:{digest.hex()}:{repeats[digest]}"
