"""The options that say which dead letters are meant, and what is done about them."""

from typing import Annotated

import typer

from cli.dlq.states import Which

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
State = Annotated[
    Which | None,
    typer.Option(
        "--state", help="Only where this was done about them. Default: pending, which is open or in-doubt."
    ),
]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show what people wrote: it is personal.")]
All = Annotated[bool, typer.Option("--all", help="All that is pending, where nothing says which.")]
IncludeOld = Annotated[
    bool,
    typer.Option(
        "--include-old",
        help="Replay requests that are too old, too: they are sent now, perhaps for a second time.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Note = Annotated[str | None, typer.Option("--note", help="Why, for whoever looks later.")]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="The oldest ones, at most so many.")]
