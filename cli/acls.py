"""The tables of deploy/acls.md as rights, and as commands that give them.

`python -m cli.acls` prints the commands for `kafka-acls.sh`; a test gives a broker the same rights.
"""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parent.parent / "deploy" / "acls.md"
_HEAD: Final = ["principal", "resource", "name", "pattern", "operations"]


class Right(NamedTuple):
    """One operation that a principal may do with one resource, or with all whose names begin so."""

    principal: str
    #: `topic`, `group` or `transactional-id`.
    resource: str
    name: str
    #: `literal` or `prefixed`.
    pattern: str
    operation: str


def rights(page: str) -> list[Right]:
    """All rights of the tables in `page` that have our columns; a cell may name several things."""
    found = []
    ours = False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or cells == _HEAD:
            ours = bool(cells)
        elif ours and not cells[0].startswith("---"):
            found += list(_row(*cells))
    return found


def _row(principals: str, resource: str, names: str, pattern: str, operations: str) -> Iterator[Right]:
    for principal in re.findall(r"`([^`]+)`", principals):
        for name in re.findall(r"`([^`]+)`", names):
            for operation in operations.split(", "):
                yield Right(principal, resource, name, pattern, operation)


def commands(wanted: list[Right], options: list[str]) -> Iterator[str]:
    """One command for each principal and resource; `options` say where and as whom."""
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for principal, resource, name, pattern, operation in wanted:
        grouped.setdefault((principal, resource, name, pattern), []).append(operation)
    for (principal, resource, name, pattern), operations in grouped.items():
        yield shlex.join(
            [
                "kafka-acls.sh",
                *options,
                "--add",
                *("--allow-principal", f"User:{principal}"),
                *(f"--{resource}", name),
                *("--resource-pattern-type", pattern),
                *(word for operation in operations for word in ("--operation", operation)),
            ]
        )


def main() -> None:
    """Print the commands; what is no option of ours goes into each of them."""
    parser = argparse.ArgumentParser(prog="python -m cli.acls", description=__doc__, allow_abbrev=False)
    parser.add_argument("--principal", action="append", help="of these alone (can be repeated)")
    chosen, options = parser.parse_known_args()
    found = rights(PAGE.read_text(encoding="utf-8"))
    known = {right.principal for right in found}
    if strangers := set(chosen.principal or ()) - known:
        parser.error(f"deploy/acls.md names no {', '.join(sorted(strangers))}")
    for command in commands([r for r in found if r.principal in (chosen.principal or known)], options):
        print(command)


if __name__ == "__main__":
    main()
