"""`helio status`: what became of a message."""

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer

from cli.commands import options


def status(
    message_id: Annotated[str, typer.Argument(help="As `helio send` printed it.")],
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Print each change until it has ended.")] = False,
    timeout: options.Timeout = 60.0,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    json: options.Json = False,
) -> None:
    """Say what became of a message: its state, how it came to that, and each attempt to hand it over.

    Ends with 0; with 1 when the message is not known; with --watch as `helio send --wait` does.
    """
    from cli.commands import show
    from cli.commands.follow import Seen, follow, look_closely, verdict
    from cli.commands.rest import Rest
    from cli.commands.target import door

    def tell(one: Seen) -> None:
        show.record(one.answer) if json else show.seen(one)

    with Rest(door(url, api_key)) as rest, ThreadPoolExecutor(1) as pool:
        if not watch:
            found = look_closely(rest, message_id)
            tell(found)
            if not json:
                show.past(found)
            return
        raise typer.Exit(verdict(follow(rest, [message_id], seconds=timeout, pool=pool, changed=tell)))
