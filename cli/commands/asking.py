"""What commands of the admin API share: one request to the REST door, and the end where it says no."""

from typing import TYPE_CHECKING, Any, NoReturn

import typer

from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from cli.commands.rest import Answer


def ask(
    method: str, path: str, url: str | None, api_key: str | None, body: dict[str, Any] | None = None
) -> "Answer":
    """One request, sent once, and what is answered; `url` and `api_key` as the options give them.

    Raises:
        TroubleError: there is no key or a wrong one, or nobody answered, or it cannot be done at the moment.
    """
    from cli.commands.rest import Rest
    from cli.commands.target import door

    with Rest(door(url, api_key)) as rest:
        answer = rest.once(method, path, body)
    if answer.code in {502, 503, 504}:
        raise TroubleError(answer.detail, Exit.UNREACHABLE)
    return answer


def end(answer: "Answer", *, json: bool) -> NoReturn:
    """Say what was refused, and exit with `Exit.NO`."""
    from cli.commands import show

    if json:
        show.record({**answer.body, "http_status": answer.code})
    else:
        show.refused(answer)
    raise typer.Exit(Exit.NO)
