"""`helio dlq`: what lies in the dead letters and why; replayed, or dropped (docs/dead-letters.md)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import dlq_desk, dlq_options, options
from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.commands.dlq_work import Found


def listed(
    *,
    topic: dlq_options.Topics = None,
    reason: dlq_options.Reason = None,
    origin: dlq_options.Origin = None,
    since: dlq_options.Since = None,
    until: dlq_options.Until = None,
    key: dlq_options.Key = None,
    message_id: dlq_options.MessageId = None,
    organization: dlq_options.Organization = None,
    state: Annotated[
        dlq_desk.Handled, typer.Option("--state", help="By what was done about them.")
    ] = dlq_desk.Handled.OPEN,
    summary: Annotated[bool, typer.Option("--summary", help="Only how many, by topic and reason.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest ones, at most so many.")] = 20,
    json: options.Json = False,
) -> None:
    """List dead letters: how many of which reason, then the newest.

    Ends with 0, also where there are none.
    """
    from cli.commands import dlq_show

    choice = dlq_desk.choose(
        None,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = [one for one in dlq_desk.look(topic, choice) if dlq_desk.fits(one, state)]
    counts = Counter((one.letter.place.topic, dlq_show.kind_of(one.letter.reason)) for one in found)
    now = dlq_desk.now()
    if json and summary:
        for (name, why), count in counts.most_common():
            dlq_desk.put({"topic": name, "reason": why, "letters": count})
    elif json:
        for one in reversed(found[-limit:]):
            dlq_desk.put(dlq_show.members(one.letter, one.handled, reveal=None))
    elif not found:
        typer.echo("no letters" if state is dlq_desk.Handled.ANY else f"no letters that are {state}")
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
    reveal: dlq_options.Reveal = False,
    json: options.Json = False,
) -> None:
    """Show dead letters whole: reason, origin, headers, what was done about them, and their bytes.

    Ends with 1 if one is not there.
    """
    from cli.commands import dlq_show, dlq_work

    choice = dlq_desk.choose(places)
    slim = dlq_desk.look(None, choice)
    found = dlq_desk.run(lambda kafka: dlq_work.whole(kafka, slim))
    now = dlq_desk.now()
    for one in found:
        if json:
            dlq_desk.put(dlq_show.members(one.letter, one.handled, reveal=reveal))
        else:
            typer.echo(dlq_show.whole(one.letter, one.handled, now, reveal=reveal))
    dlq_desk.missing(choice, found)


def replay(
    places: dlq_options.Places = None,
    *,
    topic: dlq_options.Topics = None,
    reason: dlq_options.Reason = None,
    origin: dlq_options.Origin = None,
    since: dlq_options.Since = None,
    until: dlq_options.Until = None,
    key: dlq_options.Key = None,
    message_id: dlq_options.MessageId = None,
    organization: dlq_options.Organization = None,
    everything: dlq_options.All = False,
    limit: dlq_options.Most = None,
    value_from: Annotated[
        Path | None,
        typer.Option(
            "--value-from",
            exists=True,
            dir_okay=False,
            help="Replay this in place of its value: one request.",
        ),
    ] = None,
    note: dlq_options.Note = None,
    dry_run: dlq_options.DryRun = False,
    yes: dlq_options.Yes = False,
    json: options.Json = False,
) -> None:
    """Send dead letters back to where they came from, once each.

    Ends with 1 if one could not be replayed; the others are.
    """
    from cli.commands import dlq_work

    choice = dlq_desk.choose(
        places,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = dlq_desk.pending(topic, choice, everything=everything, limit=limit)
    if value_from is not None and len(found) != 1:
        raise TroubleError(f"--value-from is for exactly one letter: {len(found)} are meant", Exit.NO)
    mended = None if value_from is None else value_from.read_bytes()
    if not dry_run:
        dlq_desk.confirm("replay", found, yes=yes)
    done = dlq_desk.run(
        lambda kafka: dlq_work.replay_all(
            kafka, found, dlq_desk.progress("replayed"), mended=mended, note=note, dry_run=dry_run
        )
    )
    dlq_desk.tell("replayed", done, dry_run=dry_run, json=json)
    dlq_desk.missing(choice, found)
    if done.refused:
        raise typer.Exit(Exit.NO)


def drop(
    places: dlq_options.Places = None,
    *,
    topic: dlq_options.Topics = None,
    reason: dlq_options.Reason = None,
    origin: dlq_options.Origin = None,
    since: dlq_options.Since = None,
    until: dlq_options.Until = None,
    key: dlq_options.Key = None,
    message_id: dlq_options.MessageId = None,
    organization: dlq_options.Organization = None,
    everything: dlq_options.All = False,
    limit: dlq_options.Most = None,
    note: dlq_options.Note = None,
    dry_run: dlq_options.DryRun = False,
    yes: dlq_options.Yes = False,
    json: options.Json = False,
) -> None:
    """Mark dead letters as dropped: nobody will replay them. Their bytes stay until retention takes them."""
    from cli.commands import dlq_work

    choice = dlq_desk.choose(
        places,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = dlq_desk.pending(topic, choice, everything=everything, limit=limit)
    open_ones = [one for one in found if one.handled.pending]
    done = dlq_work.Sum(
        done=[one.letter for one in open_ones],
        refused=[
            (one.letter, f"it was {one.handled.state} before") for one in found if not one.handled.pending
        ],
    )
    if not dry_run:
        dlq_desk.confirm("drop", open_ones, yes=yes)
        dlq_desk.run(
            lambda kafka: dlq_work.drop_all(kafka, open_ones, dlq_desk.progress("dropped"), note=note)
        )
    dlq_desk.tell("dropped", done, dry_run=dry_run, json=json)
    dlq_desk.missing(choice, found)
    if done.refused:
        raise typer.Exit(Exit.NO)
