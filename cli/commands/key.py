"""`helio key`: API keys over the admin API. The key that asks needs the scope `admin`."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

import typer

from cli.commands import options
from cli.commands.asking import ask, end
from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.commands.rest import Answer

Id = Annotated[str, typer.Argument(metavar="ID", help="The key's name: a-z, 0-9 and '-'.")]
Organization = Annotated[
    str | None, typer.Option("--organization", help="Whose key; for keys of the operator. Default: yours.")
]


def create(
    key_id: Id,
    *,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="send, read or admin. Default: send and read.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Requests per second. Default: no limit.")] = None,
    burst: Annotated[int | None, typer.Option(help="How many may come at once.")] = None,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Make an API key. It is shown this once: only its SHA-256 is kept."""
    given = {"id": key_id, "scopes": scope or None, "rate": rate, "burst": burst}
    body = {name: value for name, value in given.items() if value is not None}
    _show_secret(_written("POST", _path("", organization), url, api_key, body), json=json)


def listed(
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """List API keys, without their secrets, which nobody has."""
    from cli.commands import show

    cursor: str | None = ""
    while cursor is not None:
        path = _path("", organization, **({"cursor": cursor} if cursor else {}))
        page = ask("GET", path, url, api_key)
        if not page.ok:
            end(page, json=json)
        for found in page.body["items"]:
            if json:
                show.record(found)
            else:
                typer.echo(_line(found))
        cursor = page.body["next_cursor"]


def revoke(
    key_id: Id,
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Revoke an API key: it opens nothing from now on, and no directory file brings it back."""
    from cli.commands import show

    answer = _written("DELETE", _path(f"/{quote(key_id, safe='')}", organization), url, api_key)
    if not answer.ok:
        end(answer, json=json)
    if json:
        show.record(answer.body)
    else:
        typer.echo(f"{key_id}  revoked")


def rotate(
    key_id: Id,
    *,
    good_for: Annotated[
        int | None,
        typer.Option("--good-for", min=0, help="Seconds that the former key stays good. Default: a day."),
    ] = None,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Replace an API key by a new one, which is shown this once."""
    body = {} if good_for is None else {"good_for": good_for}
    path = _path(f"/{quote(key_id, safe='')}/rotate", organization)
    _show_secret(_written("POST", path, url, api_key, body), json=json)


def _path(below: str, organization: str | None, **query: str) -> str:
    asked = query if organization is None else {**query, "organization": organization}
    return f"/v1/keys{below}" + (f"?{urlencode(asked)}" if asked else "")


def _written(
    method: str, path: str, url: str | None, api_key: str | None, body: dict[str, Any] | None = None
) -> "Answer":
    """As `ask`, of what may be done although nobody answered."""
    try:
        return ask(method, path, url, api_key, body)
    except TroubleError as trouble:
        if trouble.code is not Exit.UNREACHABLE:
            raise
        raise TroubleError(f"{trouble}; see `helio key list`", trouble.code) from None


def _show_secret(answer: "Answer", *, json: bool) -> None:
    from cli.commands import show

    if not answer.ok:
        end(answer, json=json)
    if json:
        show.record(answer.body)
        return
    typer.secho(_line(answer.body), err=True)
    # Alone on stdout, so that a script may take it.
    typer.echo(answer.body["key"])


def _line(found: Any) -> str:
    rate = "no limit" if found["rate"] is None else f"{found['rate']:g}/s"
    former = "".join(f"  former until {until}" for until in found["former_until"])
    scopes = ",".join(found["scopes"])
    status = "revoked" if found["revoked"] else found["status"]
    return f"{found['id']}  {found['organization']}  {status}  {scopes}  {rate}{former}"
