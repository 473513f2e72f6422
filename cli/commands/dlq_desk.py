"""What the commands of `helio dlq` do before and after they go to Kafka: choose, ask, tell."""

import asyncio
import json as jsons
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.commands.dlq_choice import Choice
    from cli.commands.dlq_work import Found, Progress, Sum
    from schemas.settings import KafkaSettings

T = TypeVar("T")
_PROGRESS_EVERY_SECONDS = 1.0


class Handled(StrEnum):
    """Which letters are listed, by what was done about them."""

    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    ANY = "any"


def choose(
    places: Sequence[str] | None,
    *,
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
    from cli.commands import dlq_choice

    at = now()
    return dlq_choice.Choice(
        places=frozenset(map(dlq_choice.place, places or ())),
        reason=reason,
        origin=tuple(origin.split("/")) if origin else (),
        since=dlq_choice.moment(since, at),
        until=dlq_choice.moment(until, at),
        key=key,
        message_id=message_id,
        organization=organization,
    )


def look(topic: list[str] | None, choice: "Choice") -> "list[Found]":
    """The letters that fit, whatever was done about them."""
    from cli.commands import dlq_choice, dlq_work

    of_places = sorted({place.topic for place in choice.places})
    names = of_places if of_places and not topic else dlq_choice.topics_of(topic)
    return run(lambda kafka: dlq_work.look(kafka, names, choice, progress("read")))


def pending(
    topic: list[str] | None, choice: "Choice", *, everything: bool, limit: int | None
) -> "list[Found]":
    """What is to be replayed or dropped: what is open, and whatever is named itself."""
    if choice.everything and not topic and not everything:
        raise TroubleError("say which: letters as `helio dlq list` names them, filters, or --all", Exit.NO)
    found = look(topic, choice)
    return [one for one in found if choice.places or one.handled.pending][:limit]


def fits(one: "Found", state: Handled) -> bool:
    """Whether `state` is what was done about a letter."""
    if state is Handled.OPEN:
        return one.handled.pending
    return state is Handled.ANY or one.handled.state == state.value


def confirm(what: str, found: "Sequence[Found]", *, yes: bool) -> None:
    """Ask whether it is meant so.

    Raises:
        TroubleError: it is not, or nobody is there to answer.
    """
    from cli.commands import dlq_show

    if yes or not found:
        return
    age = dlq_show.ago(min(one.letter.at for one in found), now())
    # Not by `typer.confirm`: it writes to stdout, where programs look for JSON.
    typer.echo(f"{what} {len(found)} letters, the oldest {age} old? [y/N] ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise TroubleError("nothing was done (--yes does not ask)", Exit.NO)


def tell(what: str, came: "Sum", *, dry_run: bool, json: bool) -> None:
    """Say what was done, and what was not and why."""
    from cli.commands import dlq_show

    done = [dlq_show.short(letter) for letter in came.done]
    refused = [(dlq_show.short(letter), why) for letter, why in came.refused]
    if json:
        named = [{"letter": letter, "why": why} for letter, why in refused]
        put({"dry_run": dry_run, what: done, "refused": named})
        return
    for letter, why in refused:
        typer.secho(f"{letter}  not {what}: {dlq_show.printable(why)}", err=True, fg="red")
    if dry_run:
        for letter in done:
            typer.echo(f"{letter}  would be {what}")
    typer.echo(f"{len(done)} letters {'would be ' if dry_run else ''}{what}")


def missing(choice: "Choice", found: "Sequence[Found]") -> None:
    """See that each letter that was named is there.

    Raises:
        TroubleError: one is not.
    """
    gone = sorted(choice.places - {one.letter.place for one in found})
    if gone:
        named = ", ".join(map(str, gone))
        raise TroubleError(f"there is no such letter, or retention has taken it: {named}", Exit.NO)


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
