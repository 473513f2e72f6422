"""`helio send`: one message, or a file of them, over the REST API."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands import options
from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.commands.rest import Rest

_CSV = """A file with columns to, text and, if you like, from, key, media, immediate, reference. \
Run it again to go on where it stopped: no row is sent twice."""


def send(
    *,
    to: Annotated[str | None, typer.Option(help="The recipient, +E.164.")] = None,
    text: Annotated[str | None, typer.Option(help="The text, at most 1600 characters.")] = None,
    sender: Annotated[
        str | None, typer.Option("--from", help="A number of your organization. Default: the demo's first.")
    ] = None,
    use_case: Annotated[
        str | None, typer.Option(help="A use case of your organization, which chooses the sender.")
    ] = None,
    media: Annotated[list[str] | None, typer.Option(help="URL of a picture or file; repeatable.")] = None,
    immediate: Annotated[bool, typer.Option("--immediate", help="Before all queued ones.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key and content is the same message.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Carried to every status record.")] = None,
    send_at: Annotated[
        str | None, typer.Option(help="Not before this moment, such as 2026-12-24T08:00:00+01:00.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would become of it, and from which number; send nothing."),
    ] = False,
    csv: Annotated[Path | None, typer.Option(help=_CSV)] = None,
    results: Annotated[
        Path | None, typer.Option(help="What became of each row. Default: FILE.results.csv beside it.")
    ] = None,
    batch: Annotated[str, typer.Option(help="A new name sends the same file once more.")] = "",
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests of a file at once.")] = 16,
    wait: Annotated[bool, typer.Option("--wait", help="Follow to the end.")] = False,
    timeout: options.Timeout = 60.0,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Send a message, or a file of messages.

    Ends with 0 when accepted (with --wait: delivered), 1 when refused or failed, 3 when nobody answers,
    4 when --wait ran out of time.
    """
    from cli.commands import send_file
    from cli.commands.rest import Rest
    from cli.commands.rows import Defaults, request, sent_from, sent_through
    from cli.commands.target import door

    found = door(url, api_key)
    if use_case is not None and (sender is not None or immediate):
        raise TroubleError(
            "--use-case chooses the sender, and queues: leave --from, --immediate out", Exit.NO
        )
    sender = sender or next(iter(found.senders), None)
    if csv is not None:
        if to or text or media or key or reference or send_at or dry_run:
            raise TroubleError(
                "--csv goes without --to, --text, --media, --key, --reference, --send-at and --dry-run",
                Exit.NO,
            )
        order = send_file.Order(
            file=csv,
            results=results,
            defaults=Defaults(sender=sender, immediate=immediate, batch=batch, use_case=use_case),
            at_once=concurrency,
            wait_seconds=timeout if wait else None,
            json=json,
        )
        with Rest(found) as rest:
            raise typer.Exit(send_file.run(rest, order))
    if to is None or text is None:
        raise TroubleError("a message needs --to and --text; a file of messages --csv", Exit.NO)
    if use_case is None and sender is None:
        raise TroubleError("say which of your numbers it goes out from: --from, or --use-case", Exit.NO)
    via = sent_through(use_case) if use_case is not None else sent_from(str(sender))
    body = request(via=via, to=to, text=text, media=media or [], immediate=immediate, reference=reference)
    if send_at is not None:
        body["send_at"] = send_at
    if dry_run:
        body["dry_run"] = True
    # A key of its own lets the client ask again after a lost answer without sending twice.
    body["idempotency_key"] = key or f"cli:{uuid.uuid4()}"
    with Rest(found) as rest:
        raise typer.Exit(_send_one(rest, body, wait_seconds=timeout if wait else None, json=json))


def _send_one(rest: "Rest", body: dict[str, Any], *, wait_seconds: float | None, json: bool) -> Exit:
    from cli.commands import show
    from cli.commands.follow import follow, verdict

    answer = rest.send(body)
    if not answer.ok:
        show.record({**answer.body, "http_status": answer.code}) if json else show.refused(answer)
        return Exit.NO
    if answer.body.get("dry_run"):
        show.record(answer.body) if json else show.rehearsed(answer)
        return Exit.DONE
    if wait_seconds is None:
        show.record(answer.body) if json else show.accepted(answer)
        return Exit.DONE
    if not json:
        show.accepted(answer)
    with ThreadPoolExecutor(1) as pool:
        seen = follow(
            rest,
            [answer.message_id],
            seconds=wait_seconds,
            pool=pool,
            changed=lambda one: None if json else show.seen(one),
        )
    if json:
        show.record(seen[0].answer)
    return verdict(seen)
