"""`helio demo`: what the demo needs, as files, for those who run it otherwise than by `helio up`."""

import json as jsons
from pathlib import Path
from typing import Annotated

import typer

from cli.commands import options


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to; made when missing, secrets are kept.")],
    *,
    simulator_host: Annotated[str, typer.Option(help="The simulator's name to the others.")] = "127.0.0.1",
    simulator_port: Annotated[int, typer.Option(min=1, max=65535)] = 8082,
    json: options.Json = False,
) -> None:
    """Write the demo's secrets, directory, simulator configuration and first messages into a folder.

    The simulator tells texts from handsets at HELIO_CALLBACKS__PUBLIC_URL.
    `environment` in it holds the variables that the demo's services and `helio` need beside addresses.
    """
    from cli.commands import show
    from cli.local import demo as made_by
    from schemas import environment

    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    public_url = environment.settings().callbacks.public_url
    made = made_by.write(folder, simulator_port, public_url=public_url, simulator_host=simulator_host)
    variables = {
        "HELIO_API_KEY": made.api_key,
        "HELIO_CALLBACKS__SECRETS": jsons.dumps([made.callback_secret]),
        "HELIO_SUBSCRIPTIONS__SECRETS": jsons.dumps([made.subscription_secret]),
        "HELIO_MESSAGES__FINGERPRINT_SECRETS": jsons.dumps([made.fingerprint_secret]),
        "HELIO_INTAKE__OWNER": made_by.ORGANIZATION,
    }
    _private(folder / "environment", "".join(f"{name}='{value}'\n" for name, value in variables.items()))
    first = folder / "first.csv"
    rows = [f"{sender},+1202555017{n},Hello from {sender}\n" for n, sender in enumerate(made.senders[:3])]
    first.write_text("from,to,text\n" + "".join(rows), encoding="utf-8")
    if json:
        show.record({"folder": str(folder), "directory": str(made.directory), "senders": made.senders})
    else:
        typer.echo(f"the demo's files are in {folder}")


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
