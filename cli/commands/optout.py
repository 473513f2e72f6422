"""`helio optout`: who does not want to hear, over REST. Writing needs a key with the scope `admin`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from cli.commands import options
from cli.commands.asking import ask, end

if TYPE_CHECKING:
    from cli.commands.rest import Answer

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The handset, as +14155550123.")]
UseCase = Annotated[
    str | None,
    typer.Option("--use-case", help="What is sent through this use case. Default: the whole organization."),
]
Note = Annotated[str, typer.Option("--note", help="How you came to know, for whoever asks later.")]


def add(
    number: Number,
    *,
    use_case: UseCase = None,
    note: Note = "",
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Opt a number out: nothing is handed over to it any more, also of what waits already."""
    given = {"number": number, "use_case_id": use_case, "note": note or None}
    body = {name: value for name, value in given.items() if value is not None}
    _show(ask("POST", "/v1/optouts", url, api_key, body), json=json)


def remove(
    number: Number,
    *,
    use_case: UseCase = None,
    note: Note = "",
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Take an opt-out back. A provider's own list is not touched."""
    given = {"number": number, "use_case_id": use_case, "note": note or None}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    _show(ask("DELETE", f"/v1/optouts?{query}", url, api_key), json=json)


def show(
    number: Number,
    *,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Show all that a number has ever wanted: the latest wish for each use case, and for the organization."""
    answer = ask("GET", f"/v1/optouts?{urlencode({'number': number})}", url, api_key)
    _lines(answer, json=json)
    if answer.ok and not answer.body["items"] and not json:
        typer.echo(f"{number}  has said nothing")


def listed(
    *,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """List what all recipients want, by number."""
    cursor: str | None = ""
    while cursor is not None:
        query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
        page = ask("GET", f"/v1/optouts{query}", url, api_key)
        _lines(page, json=json)
        cursor = page.body["next_cursor"]


def _lines(answer: "Answer", *, json: bool) -> None:
    from cli.commands import show as shows

    if not answer.ok:
        end(answer, json=json)
    for found in answer.body["items"]:
        if json:
            shows.record(found)
        else:
            typer.echo(_line(found))


def _show(answer: "Answer", *, json: bool) -> None:
    from cli.commands import show as shows

    if not answer.ok:
        end(answer, json=json)
    if json:
        shows.record(answer.body)
    else:
        typer.echo(_line(answer.body))


def _line(found: Mapping[str, Any]) -> str:
    about = "everything"
    if found["use_case_id"]:
        about = f"use case {found['use_case_id']}"
    elif found["sender"]:
        about = f"from {found['sender']}"
    consent = typer.style(found["consent"], fg="red" if found["consent"] == "out" else "green", bold=True)
    note = f" ({found['note']})" if found["note"] else ""
    return f"{found['number']}  {consent}  {about}  {found['at']}  {found['source']}{note}"
