"""`helio cancel`: a message that waits is not sent."""

from typing import Annotated

import typer

from cli.commands import options
from cli.commands.trouble import Exit


def cancel(
    message_id: Annotated[str, typer.Argument(help="As `helio send` printed it.")],
    *,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Cancel a message that has not been handed to a provider.

    Ends with 0 when it is cancelled, now or before; with 1 when it is too late, or the message is not known.
    """
    from cli.commands import show
    from cli.commands.rest import Rest
    from cli.commands.target import door

    with Rest(door(url, api_key)) as rest:
        answer = rest.cancel(message_id)
    if json:
        show.record(answer.body if answer.ok else {**answer.body, "http_status": answer.code})
    elif answer.ok:
        show.decided(answer)
    else:
        show.refused(answer)
    # After a lost answer the request goes out again, and is told that it is cancelled already.
    raise typer.Exit(Exit.DONE if answer.ok and answer.body.get("state") == "cancelled" else Exit.NO)
