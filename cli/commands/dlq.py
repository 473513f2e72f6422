"""`helio dlq`: what lies in the dead letters and why; replayed, or dropped (docs/dead-letters.md)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.options import Json
from cli.commands.trouble import Exit, TroubleError
from cli.dlq import desk, options
from cli.dlq.states import Which

if TYPE_CHECKING:
    from cli.dlq.handled import Found

_TOO_OLD = (
    "too old: its text would be sent now, days late, and perhaps for a second time. --include-old replays it"
)


def listed(
    *,
    topic: options.Topics = None,
    reason: options.Reason = None,
    origin: options.Origin = None,
    since: options.Since = None,
    until: options.Until = None,
    key: options.Key = None,
    message_id: options.MessageId = None,
    organization: options.Organization = None,
    state: options.State = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only how many, by topic and reason.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest ones, at most so many.")] = 20,
    json: Json = False,
) -> None:
    """List dead letters: how many of which reason, then the newest.

    Ends with 0, also where there are none.
    """
    from cli.dlq import show as shown

    choice = desk.choose(
        None,
        topic=topic,
        state=state,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = desk.found(choice)
    counts = Counter((one.letter.place.topic, shown.cause(one.letter.reason)) for one in found)
    now = desk.now()
    if json and summary:
        for (name, why), count in counts.most_common():
            desk.put({"topic": name, "reason": why, "letters": count})
    elif json:
        for one in reversed(found[-limit:]):
            desk.put(shown.members(one.letter, one.handled, reveal=None))
    elif not found:
        typer.echo("no letters" if state is Which.ANY else f"no letters that are {state or Which.PENDING}")
    else:
        _summarize(found, counts, now)
        if not summary:
            for one in reversed(found[-limit:]):
                typer.echo(shown.line(one.letter, one.handled, now))
            if len(found) > limit:
                typer.echo(f"... and {len(found) - limit} older ones (--limit)")


def _summarize(found: "Sequence[Found]", counts: "Counter[tuple[str, str]]", now: int) -> None:
    from cli.dlq import show as shown

    oldest = shown.ago(found[0].letter.at, now)
    newest = shown.ago(found[-1].letter.at, now)
    typer.secho(f"{len(found)} letters, the oldest {oldest}, the newest {newest} ago", bold=True)
    for (name, why), count in counts.most_common():
        typer.echo(f"{count:>7}  {name}  {why}")
    typer.echo("")


def show(
    places: Annotated[
        list[str], typer.Argument(metavar="LETTER", help="As `list` names them: requests/0/17.")
    ],
    *,
    reveal: options.Reveal = False,
    json: Json = False,
) -> None:
    """Show dead letters whole: reason, origin, headers, what was done about them, and their bytes.

    Ends with 1 if one is not there.
    """
    from cli.dlq import show as shown
    from cli.dlq import work

    choice = desk.choose(places)
    slim = desk.found(choice)
    found = desk.run(lambda kafka: work.whole(kafka, slim))
    now = desk.now()
    for one in found:
        if json:
            desk.put(shown.members(one.letter, one.handled, reveal=reveal))
        else:
            typer.echo(shown.whole(one.letter, one.handled, now, reveal=reveal))
    desk.missing(choice, found)


def replay(
    places: options.Places = None,
    *,
    topic: options.Topics = None,
    reason: options.Reason = None,
    origin: options.Origin = None,
    since: options.Since = None,
    until: options.Until = None,
    key: options.Key = None,
    message_id: options.MessageId = None,
    organization: options.Organization = None,
    state: options.State = None,
    everything: options.All = False,
    include_old: options.IncludeOld = False,
    limit: options.Most = None,
    value_from: Annotated[
        Path | None,
        typer.Option(
            "--value-from",
            exists=True,
            dir_okay=False,
            help="Replay this in place of its value: one request.",
        ),
    ] = None,
    note: options.Note = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    json: Json = False,
) -> None:
    """Send dead letters back to where they came from, once each. A request is sent when it is replayed.

    Ends with 1 if one could not be replayed, or is too old and was not asked for; the others are.
    """
    from cli.dlq import work

    choice = desk.choose(
        places,
        topic=topic,
        state=state,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = desk.chosen(choice, everything=everything)
    fresh, old = desk.by_age(found)
    goes = (found if include_old else fresh)[:limit]
    if value_from is not None and len(found) != 1:
        raise TroubleError(f"--value-from is for exactly one letter: {len(found)} are meant", Exit.NO)
    mended = None if value_from is None else value_from.read_bytes()
    desk.beware(goes)
    if not dry_run:
        desk.confirm("replay", goes, yes=yes)
    done = desk.run(
        lambda kafka: work.replay_all(
            kafka, goes, desk.progress("replayed"), mended=mended, note=note, dry_run=dry_run
        )
    )
    if not include_old:
        done.refused += [(one.letter, _TOO_OLD) for one in old]
    desk.tell("replayed", done, dry_run=dry_run, json=json)
    desk.missing(choice, found)
    if done.refused:
        raise typer.Exit(Exit.NO)


def drop(
    places: options.Places = None,
    *,
    topic: options.Topics = None,
    reason: options.Reason = None,
    origin: options.Origin = None,
    since: options.Since = None,
    until: options.Until = None,
    key: options.Key = None,
    message_id: options.MessageId = None,
    organization: options.Organization = None,
    state: options.State = None,
    everything: options.All = False,
    limit: options.Most = None,
    note: options.Note = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    json: Json = False,
) -> None:
    """Mark dead letters as dropped: nobody will replay them. Their bytes stay until retention takes them."""
    from cli.dlq import work

    choice = desk.choose(
        places,
        topic=topic,
        state=state,
        reason=reason,
        origin=origin,
        since=since,
        until=until,
        key=key,
        message_id=message_id,
        organization=organization,
    )
    found = desk.chosen(choice, everything=everything)
    goes = [one for one in found if one.handled.state.pending][:limit]
    handled = [one for one in found if not one.handled.state.pending]
    done = work.Sum(
        done=[one.letter for one in goes],
        refused=[(one.letter, f"it was {one.handled.state} before") for one in handled],
    )
    if not dry_run:
        desk.confirm("drop", goes, yes=yes)
        desk.run(lambda kafka: work.drop_all(kafka, goes, desk.progress("dropped"), note=note))
    desk.tell("dropped", done, dry_run=dry_run, json=json)
    desk.missing(choice, found)
    if done.refused:
        raise typer.Exit(Exit.NO)
