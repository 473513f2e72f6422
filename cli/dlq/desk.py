"""What the commands of `helio dlq` do before and after they go to Kafka: choose, ask, tell."""

import asyncio
import json as jsons
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.dlq.choice import Choice
    from cli.dlq.handled import Found
    from cli.dlq.states import Which
    from cli.dlq.work import Progress, Sum
    from schemas.settings import KafkaSettings

T = TypeVar("T")
_PROGRESS_EVERY_SECONDS = 1.0
#: Of letters that are refused for the same reason, so many are named; all of them with --json.
_NAMED = 5


def choose(
    places: Sequence[str] | None,
    *,
    topic: Sequence[str] | None = None,
    state: "Which | None" = None,
    reason: str | None = None,
    origin: str | None = None,
    since: str | None = None,
    until: str | None = None,
    key: str | None = None,
    message_id: str | None = None,
    organization: str | None = None,
) -> "Choice":
    """The choice that options make.

    Raises:
        TroubleError: one cannot be read.
    """
    from cli.dlq import choice

    at = now()
    return choice.Choice(
        places=frozenset(map(choice.place, places or ())),
        topics=tuple(map(choice.topic, dict.fromkeys(topic or ()))),
        which=state,
        reason=reason,
        origin=tuple(origin.split("/")) if origin else (),
        since=choice.moment(since, at),
        until=choice.moment(until, at),
        key=key,
        message_id=message_id,
        organization=organization,
    )


def found(choice: "Choice") -> "list[Found]":
    """The letters that are meant."""
    from cli.dlq import work

    return run(lambda kafka: work.look(kafka, choice, progress("read")))


def chosen(choice: "Choice", *, everything: bool) -> "list[Found]":
    """The letters that are to be replayed or dropped.

    Raises:
        TroubleError: nothing says which, and `everything` is not meant.
    """
    if choice.everything and not everything:
        raise TroubleError("say which: letters as `helio dlq list` names them, filters, or --all", Exit.NO)
    return found(choice)


def by_age(letters: "Sequence[Found]") -> "tuple[list[Found], list[Found]]":
    """Those that may be replayed as far as their age goes, and those that are too old."""
    from cli.commands.target import settings
    from cli.dlq import replay

    return replay.by_age(letters, now(), 1000 * settings().messages.lifetime_seconds)


def beware(letters: "Sequence[Found]") -> None:
    """Say how many of what is to be replayed are too old, where somebody wants them all the same."""
    _, old = by_age(letters)
    if old:
        said = f"{len(old)} of {len(letters)} are too old: they are sent now, perhaps for a second time"
        typer.secho(said, err=True, fg="yellow")


def confirm(what: str, letters: "Sequence[Found]", *, yes: bool) -> None:
    """Ask whether it is meant so.

    Raises:
        TroubleError: it is not, or nobody is there to answer.
    """
    from cli.dlq import show

    if yes or not letters:
        return
    age = show.ago(min(one.letter.at for one in letters), now())
    # Not by `typer.confirm`: it writes to stdout, where programs look for JSON.
    typer.echo(f"{what} {len(letters)} letters, the oldest {age} old? [y/N] ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise TroubleError("nothing was done (--yes does not ask)", Exit.NO)


def tell(what: str, came: "Sum", *, dry_run: bool, json: bool) -> None:
    """Say what was done, and what was not and why."""
    from cli.dlq import show

    done = [show.short(letter) for letter in came.done]
    refused = [(show.short(letter), why) for letter, why in came.refused]
    if json:
        named = [{"letter": letter, "why": why} for letter, why in refused]
        put({"dry_run": dry_run, what: done, "refused": named})
        return
    alike: dict[str, list[str]] = {}
    for letter, why in refused:
        alike.setdefault(why, []).append(letter)
    for why, letters in alike.items():
        named_ones = ", ".join(letters[:_NAMED]) + (" ..." if len(letters) > _NAMED else "")
        said = f"{len(letters)} letters not {what}: {show.printable(why)}\n  {named_ones}"
        typer.secho(said, err=True, fg="red")
    if dry_run:
        for letter in done:
            typer.echo(f"{letter}  would be {what}")
    typer.echo(f"{len(done)} letters {'would be ' if dry_run else ''}{what}")


def missing(choice: "Choice", letters: "Sequence[Found]") -> None:
    """See that each letter that was named is there.

    Raises:
        TroubleError: one is not.
    """
    gone = sorted(choice.places - {one.letter.place for one in letters})
    if gone:
        named = ", ".join(map(str, gone))
        raise TroubleError(
            f"there is no such letter, or retention has taken it, or a filter leaves it out: {named}", Exit.NO
        )


def run(work: Callable[["KafkaSettings"], Coroutine[Any, Any, T]]) -> T:
    """What comes of `work`; trouble with Kafka in one sentence."""
    from cli.commands.reach import reached
    from cli.commands.target import settings

    kafka = settings().kafka
    with reached(kafka):
        return asyncio.run(work(kafka))


def progress(what: str) -> "Progress":
    """Says how far it is, about once a second, to people who wait."""
    if not sys.stderr.isatty():
        return lambda _done, _total: None
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_EVERY_SECONDS:
            told = time.monotonic()
            typer.echo(f"{what} {done} of {total}", err=True)

    return tell


def put(values: dict[str, Any]) -> None:
    """ASCII alone: what strangers wrote may be no text at all."""
    typer.echo(jsons.dumps(values))


def now() -> int:
    """The wall clock, in milliseconds."""
    return time.time_ns() // 1_000_000
