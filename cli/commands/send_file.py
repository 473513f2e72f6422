"""`helio send --csv`: check the file, hand it in, say what came of it."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cli.commands import journal, rows, show
from cli.commands.batch import Sum, send_rows
from cli.commands.follow import Seen, follow, verdict
from cli.commands.rest import Rest
from cli.commands.rows import Defaults, Row
from cli.commands.trouble import Exit

if TYPE_CHECKING:
    from rich.progress import Progress

_SHOWN_TROUBLES: Final = 5


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done with a file."""

    file: Path
    #: None: beside the file.
    results: Path | None
    defaults: Defaults
    at_once: int
    #: None: do not wait for the messages' ends.
    wait_seconds: float | None
    json: bool


def run(rest: Rest, order: Order) -> Exit:
    """Send the file; the exit code.

    Raises:
        TroubleError: it cannot be read or has rows to mend; nothing was sent.
    """
    total = rows.check(order.file, order.defaults)
    path = order.results or journal.beside(order.file)
    done = journal.accepted(path)
    with ThreadPoolExecutor(order.at_once) as pool:
        with _bar(order) as bar, journal.Journal(path) as results:
            task = bar.add_task("handed in", total=total) if bar else None
            found = send_rows(
                rest,
                _good(rows.read(order.file, order.defaults)),
                done=done,
                results=results,
                pool=pool,
                at_once=order.at_once,
                finished=lambda: bar.advance(task) if bar and task is not None else None,
            )
        seen = _wait(rest, order, found, pool)
    _tell(order, total, path, found, seen)
    if found.verdict is not Exit.DONE or order.wait_seconds is None:
        return found.verdict
    return verdict(seen)


def _good(found: Iterator[Row | str]) -> Iterator[Row]:
    # `check` has seen them all; one that has turned bad since then is left to the next run's check.
    return (row for row in found if isinstance(row, Row))


def _bar(order: Order) -> "AbstractContextManager[Progress | None]":
    """A progress bar on stderr, where people look at it."""
    if order.json or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _wait(rest: Rest, order: Order, found: Sum, pool: ThreadPoolExecutor) -> list[Seen]:
    if order.wait_seconds is None or found.stopped is not None:
        return []
    with _bar(order) as bar:
        task = bar.add_task("ended", total=len(set(found.ids))) if bar else None

        def changed(one: Seen) -> None:
            if bar and task is not None and one.ended:
                bar.advance(task)

        return follow(rest, found.ids, seconds=order.wait_seconds, pool=pool, changed=changed)


def _tell(order: Order, total: int, path: Path, found: Sum, seen: list[Seen]) -> None:
    counts = {
        "rows": total,
        "accepted": found.outcomes[journal.ACCEPTED],
        "skipped": found.skipped,
        "refused": found.outcomes[journal.REFUSED],
        "not_sent": total
        - found.skipped
        - found.outcomes[journal.ACCEPTED]
        - found.outcomes[journal.REFUSED],
    }
    states = dict(Counter(one.state for one in seen))
    if order.json:
        troubles = [{"rows": count, "detail": said} for said, count in found.troubles.most_common()]
        show.record({**counts, "results": str(path), "states": states, "troubles": troubles})
        return
    typer.echo(
        f"{counts['accepted']} accepted, {counts['skipped']} had been before, {counts['refused']} refused, "
        f"{counts['not_sent']} not sent; each row is in {path}"
    )
    for said, count in found.troubles.most_common(_SHOWN_TROUBLES):
        typer.secho(f"  {count} x {said}", err=True, fg="red")
    if counts["not_sent"]:
        typer.secho("Run the same command again to go on from here.", err=True, fg="yellow")
    for name, count in states.items():
        typer.echo(f"  {count} {show.state(name)}")
