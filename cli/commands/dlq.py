"""`helio dlq`: what lies in the dead letters and why; replayed, or dropped (docs/dead-letters.md)."""

import asyncio
import json as jsons
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.commands import options
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


Places = Annotated[
    list[str] | None, typer.Argument(metavar="LETTER", help="As `list` names them: requests/0/17.")
]
Topics = Annotated[
    list[str] | None,
    typer.Option(
        "--topic",
        help="Only letters of this kind (requests, messages, events, ...); repeatable. Default: all.",
    ),
]
Reason = Annotated[str | None, typer.Option("--reason", help="Only where the reason has this in it.")]
Origin = Annotated[
    str | None,
    typer.Option("--origin", metavar="TOPIC[/PARTITION[/OFFSET]]", help="Only what came from there."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only what came since: 2h, 30m, 3d ago, or 2026-11-23T03:00 (UTC)."),
]
Until = Annotated[str | None, typer.Option("--until", help="Only what came before; likewise.")]
Key = Annotated[str | None, typer.Option("--key", help="Only records with exactly this key.")]
MessageId = Annotated[
    str | None, typer.Option("--message-id", help="Only of this message, where a record can be read so far.")
]
Organization = Annotated[
    str | None,
    typer.Option("--organization", help="Only from its own topic, or where the record says that it is its."),
]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show what people wrote: it is personal.")]
All = Annotated[bool, typer.Option("--all", help="All that is open, where nothing says which.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Note = Annotated[str | None, typer.Option("--note", help="Why, for whoever looks later.")]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="The oldest ones, at most so many.")]


def listed(
    *,
    topic: Topics = None,
    reason: Reason = None,
    origin: Origin = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    message_id: MessageId = None,
    organization: Organization = None,
    state: Annotated[Handled, typer.Option("--state", help="By what was done about them.")] = Handled.OPEN,
    summary: Annotated[bool, typer.Option("--summary", help="Only how many, by topic and reason.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest ones, at most so many.")] = 20,
    json: options.Json = False,
) -> None:
    """List dead letters: how many of which reason, then the newest.

    Ends with 0, also where there are none.
    """
    from cli.commands import dlq_show

    choice = _choice(
        None,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = [one for one in _look(topic, choice) if _is(one, state)]
    counts = Counter((one.letter.place.topic, dlq_show.kind_of(one.letter.reason)) for one in found)
    now = _now()
    if json and summary:
        for (name, why), count in counts.most_common():
            _print({"topic": name, "reason": why, "letters": count})
    elif json:
        for one in reversed(found[-limit:]):
            _print(dlq_show.members(one.letter, one.handled, reveal=None))
    elif not found:
        typer.echo("no letters" if state is Handled.ANY else f"no letters that are {state}")
    else:
        _summarize(found, counts, now)
        if not summary:
            for one in reversed(found[-limit:]):
                typer.echo(dlq_show.line(one.letter, one.handled, now))
            if len(found) > limit:
                typer.echo(f"... and {len(found) - limit} older ones (--limit)")


def _summarize(found: "Sequence[Found]", counts: "Counter[tuple[str, str]]", now: int) -> None:
    from cli.commands import dlq_show

    oldest = dlq_show.ago(found[0].letter.at, now)
    newest = dlq_show.ago(found[-1].letter.at, now)
    typer.secho(f"{len(found)} letters, the oldest {oldest}, the newest {newest} ago", bold=True)
    for (name, why), count in counts.most_common():
        typer.echo(f"{count:>7}  {name}  {why}")
    typer.echo("")


def show(
    places: Annotated[
        list[str], typer.Argument(metavar="LETTER", help="As `list` names them: requests/0/17.")
    ],
    *,
    reveal: Reveal = False,
    json: options.Json = False,
) -> None:
    """Show dead letters whole: reason, origin, headers, what was done about them, and their bytes.

    Ends with 1 if one is not there.
    """
    from cli.commands import dlq_show, dlq_work

    choice = _choice(places)
    slim = _look(None, choice)
    found = _run(lambda kafka: dlq_work.whole(kafka, slim))
    now = _now()
    for one in found:
        if json:
            _print(dlq_show.members(one.letter, one.handled, reveal=reveal))
        else:
            typer.echo(dlq_show.whole(one.letter, one.handled, now, reveal=reveal))
    _missing(choice, found)


def replay(
    places: Places = None,
    *,
    topic: Topics = None,
    reason: Reason = None,
    origin: Origin = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    message_id: MessageId = None,
    organization: Organization = None,
    everything: All = False,
    limit: Most = None,
    value_from: Annotated[
        Path | None,
        typer.Option(
            "--value-from",
            exists=True,
            dir_okay=False,
            help="Replay this in place of its value: one request.",
        ),
    ] = None,
    note: Note = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Send dead letters back to where they came from, once each.

    Ends with 1 if one could not be replayed; the others are.
    """
    from cli.commands import dlq_work

    choice = _choice(
        places,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = _pending(topic, choice, everything=everything, limit=limit)
    if value_from is not None and len(found) != 1:
        raise TroubleError(f"--value-from is for exactly one letter: {len(found)} are meant", Exit.NO)
    mended = None if value_from is None else value_from.read_bytes()
    if not dry_run:
        _confirm("replay", found, yes=yes)
    done = _run(
        lambda kafka: dlq_work.replay_all(
            kafka, found, _progress("replayed"), mended=mended, note=note, dry_run=dry_run
        )
    )
    _tell("replayed", done, dry_run=dry_run, json=json)
    _missing(choice, found)
    if done.refused:
        raise typer.Exit(Exit.NO)


def drop(
    places: Places = None,
    *,
    topic: Topics = None,
    reason: Reason = None,
    origin: Origin = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    message_id: MessageId = None,
    organization: Organization = None,
    everything: All = False,
    limit: Most = None,
    note: Note = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Mark dead letters as dropped: nobody will replay them. Their bytes stay until retention takes them."""
    from cli.commands import dlq_work

    choice = _choice(
        places,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = _pending(topic, choice, everything=everything, limit=limit)
    open_ones = [one for one in found if one.handled.pending]
    done = dlq_work.Sum(
        done=[one.letter for one in open_ones],
        refused=[
            (one.letter, f"it was {one.handled.state} before") for one in found if not one.handled.pending
        ],
    )
    if not dry_run:
        _confirm("drop", open_ones, yes=yes)
        _run(lambda kafka: dlq_work.drop_all(kafka, open_ones, _progress("dropped"), note=note))
    _tell("dropped", done, dry_run=dry_run, json=json)
    _missing(choice, found)
    if done.refused:
        raise typer.Exit(Exit.NO)


def _choice(
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
    from cli.commands import dlq_choice

    now = _now()
    return dlq_choice.Choice(
        places=frozenset(map(dlq_choice.place, places or ())),
        reason=reason,
        origin=tuple(origin.split("/")) if origin else (),
        since=dlq_choice.moment(since, now),
        until=dlq_choice.moment(until, now),
        key=key,
        message_id=message_id,
        organization=organization,
    )


def _look(topic: list[str] | None, choice: "Choice") -> "list[Found]":
    """The letters that fit, whatever was done about them."""
    from cli.commands import dlq_choice, dlq_work

    of_places = sorted({place.topic for place in choice.places})
    names = of_places if of_places and not topic else dlq_choice.topics_of(topic)
    return _run(lambda kafka: dlq_work.look(kafka, names, choice, _progress("read")))


def _pending(
    topic: list[str] | None, choice: "Choice", *, everything: bool, limit: int | None
) -> "list[Found]":
    """What is to be replayed or dropped: what is open, and whatever is named itself."""
    if choice.everything and not topic and not everything:
        raise TroubleError("say which: letters as `helio dlq list` names them, filters, or --all", Exit.NO)
    found = _look(topic, choice)
    return [one for one in found if choice.places or one.handled.pending][:limit]


def _is(one: "Found", state: Handled) -> bool:
    if state is Handled.OPEN:
        return one.handled.pending
    return state is Handled.ANY or one.handled.state == state.value


def _confirm(what: str, found: "Sequence[Found]", *, yes: bool) -> None:
    from cli.commands import dlq_show

    if yes or not found:
        return
    age = dlq_show.ago(min(one.letter.at for one in found), _now())
    # Not by `typer.confirm`: it writes to stdout, where programs look for JSON.
    typer.echo(f"{what} {len(found)} letters, the oldest {age} old? [y/N] ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise TroubleError("nothing was done (--yes does not ask)", Exit.NO)


def _tell(what: str, came: "Sum", *, dry_run: bool, json: bool) -> None:
    from cli.commands import dlq_show

    done = [dlq_show.short(letter) for letter in came.done]
    refused = [(dlq_show.short(letter), why) for letter, why in came.refused]
    if json:
        named = [{"letter": letter, "why": why} for letter, why in refused]
        _print({"dry_run": dry_run, what: done, "refused": named})
        return
    for letter, why in refused:
        typer.secho(f"{letter}  not {what}: {dlq_show.printable(why)}", err=True, fg="red")
    if dry_run:
        for letter in done:
            typer.echo(f"{letter}  would be {what}")
    typer.echo(f"{len(done)} letters {'would be ' if dry_run else ''}{what}")


def _missing(choice: "Choice", found: "Sequence[Found]") -> None:
    gone = sorted(choice.places - {one.letter.place for one in found})
    if gone:
        named = ", ".join(map(str, gone))
        raise TroubleError(f"there is no such letter, or retention has taken it: {named}", Exit.NO)


def _run(work: Callable[["KafkaSettings"], Coroutine[Any, Any, T]]) -> T:
    from cli.commands.reach import reached
    from cli.commands.target import settings

    kafka = settings().kafka
    with reached(kafka):
        return asyncio.run(work(kafka))


def _progress(what: str) -> "Progress":
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


def _print(values: dict[str, Any]) -> None:
    """ASCII alone: what strangers wrote may be no text at all."""
    typer.echo(jsons.dumps(values))


def _now() -> int:
    return time.time_ns() // 1_000_000
