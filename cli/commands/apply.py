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
    from schemas.settings import Settings

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
    """Write a directory file: defaults, accounts, numbers, assistants, use cases, keys, subscriptions.

    Then make the request topics that organizations have for themselves by now.
    Ends with 0, with 1 when the file is wrong, another writer was first or a topic cannot be made, with 3
    when the broker does not answer. Nothing is written of a file that is wrong.
    """
    from cli.commands import show

    changes, made, refused = asyncio.run(_apply(file, dry_run=dry_run, prune=prune))
    if json:
        listed = [_values(change) for change in changes]
        show.record({"dry_run": dry_run, "changes": listed, "topics_made": made})
    else:
        _print(changes, made, dry_run=dry_run)
    if refused:
        raise TroubleError(refused, Exit.NO)


def _print(changes: "list[Change]", made: list[str], *, dry_run: bool) -> None:
    for change in changes:
        sign, colour = _SIGNS[change.action]
        fields = f": {', '.join(change.fields)}" if change.action == "update" else ""
        typer.secho(f"{sign} {change.organization}: {change.kind} {change.id}{fields}", fg=colour)
    typer.echo(_sum(len(changes), dry_run=dry_run))
    for topic in made:
        typer.echo(f"topic {topic} made")


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


async def _apply(file: Path, *, dry_run: bool, prune: bool) -> "tuple[list[Change], list[str], str]":
    """The changes, the topics made, and why others could not be."""
    from cli.commands.reach import reached
    from cli.commands.target import settings
    from directory.apply import DirectoryFileError, RaceLostError, apply

    found = settings()
    with reached(found.kafka):
        try:
            changes = await apply(
                found.kafka,
                file,
                now=time.time_ns() // 1_000_000,
                dry_run=dry_run,
                prune=prune,
                private=found.notifiers.allow_private,
            )
            return (changes, *await _topics(found)) if not dry_run else (changes, [], "")
        except (DirectoryFileError, RaceLostError) as wrong:
            raise TroubleError(str(wrong), Exit.NO) from None
        except OSError as error:
            raise TroubleError(f"cannot read {file}: {error.strerror or error}", Exit.NO) from None


async def _topics(found: "Settings") -> tuple[list[str], str]:
    """The topics of organizations made, and why others could not be."""
    from aiokafka.errors import KafkaError

    from directory import own_topics

    try:
        return await own_topics.make(found.kafka, found.topics), ""
    except KafkaError as error:
        if error.retriable:
            raise
        why = f"the directory is written, but a topic cannot be made ({type(error).__name__}: {error})"
        return [], f"{why}. Whoever may make topics has to run `helio topics`"
