"""`helio apply`: makes the directory say what a file says."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands import options
from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from directory.changes import Change

_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def apply(
    *,
    file: Annotated[Path, typer.Option("--file", "-f", help="The directory file (docs/directory.md).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what the file's organizations have beyond it.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Write a directory file: defaults, accounts, numbers, assistants, use cases, API keys.

    Ends with 0, with 1 when the file is wrong or another writer was first, with 3 when the broker does
    not answer. Nothing is written of a file that is wrong.
    """
    from cli.commands import show

    changes = asyncio.run(_apply(file, dry_run=dry_run, prune=prune))
    if json:
        show.record({"dry_run": dry_run, "changes": [_values(change) for change in changes]})
        return
    for change in changes:
        sign, colour = _SIGNS[change.action]
        fields = f": {', '.join(change.fields)}" if change.action == "update" else ""
        typer.secho(f"{sign} {change.organization}: {change.kind} {change.id}{fields}", fg=colour)
    typer.echo(_sum(len(changes), dry_run=dry_run))


def _values(change: "Change") -> dict[str, Any]:
    return {
        "action": change.action,
        "kind": change.kind,
        "id": change.id,
        "organization": change.organization,
        "version": change.version,
        "fields": list(change.fields),
    }


def _sum(count: int, *, dry_run: bool) -> str:
    if not count:
        return "nothing to change"
    return f"{count} changes would be made" if dry_run else f"{count} changes made"


async def _apply(file: Path, *, dry_run: bool, prune: bool) -> "list[Change]":
    from cli.commands.reach import reached
    from cli.commands.target import settings
    from directory.apply import DirectoryFileError, RaceLostError, apply

    kafka = settings().kafka
    with reached(kafka):
        try:
            return await apply(kafka, file, now=time.time_ns() // 1_000_000, dry_run=dry_run, prune=prune)
        except (DirectoryFileError, RaceLostError) as wrong:
            raise TroubleError(str(wrong), Exit.NO) from None
        except OSError as error:
            raise TroubleError(f"cannot read {file}: {error.strerror or error}", Exit.NO) from None
