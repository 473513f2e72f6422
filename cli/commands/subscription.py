"""`helio subscription`: who is told over HTTP, over the admin API. The key needs the scope `admin`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

import typer

from cli.commands import options
from cli.commands.asking import ask, end
from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.commands.rest import Answer

Id = Annotated[str, typer.Argument(metavar="ID", help="The subscription's name: a-z, 0-9 and '-'.")]
Organization = Annotated[
    str | None,
    typer.Option("--organization", help="Whose; for keys of the operator. Default: yours."),
]


def add(
    subscription_id: Id,
    endpoint: Annotated[str, typer.Argument(metavar="URL", help="Where events are POSTed: https://...")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", help="Such as message.delivered; say it again for more. Default: all."),
    ] = None,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Have events told to an endpoint. `helio subscription secret` shows what they are signed with."""
    body = {"url": endpoint, **({"events": event} if event else {})}
    _show(_written("PUT", _entity(subscription_id, organization), url, api_key, body), json=json)


def listed(
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """List subscriptions, those that are switched off too."""
    from cli.commands import show

    cursor: str | None = ""
    while cursor is not None:
        query = {"cursor": cursor} if cursor else {}
        page = ask("GET", _path("/v1/directory/subscriptions", organization, **query), url, api_key)
        if not page.ok:
            end(page, json=json)
        for found in page.body["items"]:
            if json:
                show.record(found)
            else:
                typer.echo(_line(found))
        cursor = page.body["next_cursor"]


def remove(
    subscription_id: Id,
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Take a subscription out: its endpoint is told nothing any more, nor what waits to be told."""
    from cli.commands import show

    answer = _written("DELETE", _entity(subscription_id, organization), url, api_key)
    if not answer.ok:
        end(answer, json=json)
    if json:
        show.record(answer.body)
    else:
        typer.echo(f"{subscription_id}  removed")


def on(
    subscription_id: Id,
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Make a subscription active again. What happened meanwhile is not told."""
    path = _entity(subscription_id, organization)
    _show(_written("PATCH", path, url, api_key, {"status": "active"}), json=json)


def off(
    subscription_id: Id,
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Suspend a subscription: its endpoint is told nothing, nor what waits to be told."""
    path = _entity(subscription_id, organization)
    _show(_written("PATCH", path, url, api_key, {"status": "suspended"}), json=json)


def secret(
    subscription_id: Id,
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Show what a subscription's events are signed with."""
    _show_secret(ask("GET", _below(subscription_id, "secret", organization), url, api_key), json=json)


def rotate(
    subscription_id: Id,
    *,
    keep_seconds: Annotated[
        int | None,
        typer.Option("--keep-seconds", min=0, help="How long the former secret signs too. Default: a day."),
    ] = None,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Replace a subscription's secret by a new one, and show that."""
    body = {} if keep_seconds is None else {"keep_seconds": keep_seconds}
    path = _below(subscription_id, "rotate", organization)
    _show_secret(_written("POST", path, url, api_key, body), json=json)


def tried(
    subscription_id: Id,
    *,
    organization: Organization = None,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Have a subscription's endpoint told a `subscription.test`, to see that it takes it."""
    from cli.commands import show

    answer = ask("POST", _below(subscription_id, "test", organization), url, api_key)
    if not answer.ok:
        end(answer, json=json)
    if json:
        show.record(answer.body)
    else:
        typer.echo(f"{answer.body['webhook_id']}  on its way to {answer.body['url']}")


def _path(path: str, organization: str | None, **query: str) -> str:
    asked = query if organization is None else {**query, "organization": organization}
    return path + (f"?{urlencode(asked)}" if asked else "")


def _entity(subscription_id: str, organization: str | None) -> str:
    return _path(f"/v1/directory/subscriptions/{quote(subscription_id, safe='')}", organization)


def _below(subscription_id: str, what: str, organization: str | None) -> str:
    return _path(f"/v1/subscriptions/{quote(subscription_id, safe='')}/{what}", organization)


def _written(
    method: str, path: str, url: str | None, api_key: str | None, body: dict[str, Any] | None = None
) -> "Answer":
    """As `ask`, of what may be done although nobody answered."""
    try:
        return ask(method, path, url, api_key, body)
    except TroubleError as trouble:
        if trouble.code is not Exit.UNREACHABLE:
            raise
        raise TroubleError(f"{trouble}; see `helio subscription list`", trouble.code) from None


def _show(answer: "Answer", *, json: bool) -> None:
    from cli.commands import show

    if not answer.ok:
        end(answer, json=json)
    if json:
        show.record(answer.body)
    else:
        typer.echo(_line(answer.body))


def _show_secret(answer: "Answer", *, json: bool) -> None:
    from cli.commands import show

    if not answer.ok:
        end(answer, json=json)
    if json:
        show.record(answer.body)
        return
    former = "".join(f"  the former signs too until {until}" for until in answer.body["former_until"][:1])
    typer.secho(f"{answer.body['id']}  {answer.body['organization']}{former}", err=True)
    # Alone on stdout, so that a script may take it.
    typer.echo(answer.body["secret"])


def _line(found: Mapping[str, Any]) -> str:
    events = "all events" if found["events"] is None else ",".join(found["events"])
    status = found["status"]
    if found["switched_off_at"] is not None:
        status = typer.style("switched off: it took nothing", fg="red")
    return f"{found['id']}  {found['organization']}  {status}  {found['url']}  {events}"
