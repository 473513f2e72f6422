"""`helio up` and `helio down`: their options. `cli.up` does it; importing it takes half a second."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print lines of JSON.")]


def up(
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Run in the background; `helio down` ends it.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the state of earlier runs first.")] = False,
    messages: Annotated[bool, typer.Option(help="Send a first message over each provider.")] = True,
    json: Json = False,
) -> None:
    """Start broker, ledger, simulator and services here, and show a first message over each provider."""
    from cli.up import up as start

    start(detach=detach, fresh=fresh, messages=messages, json=json)


def down(*, json: Json = False) -> None:
    """End the stack that runs here. Its state is kept for the next `helio up`."""
    from cli.up import down as stop

    stop(json=json)
