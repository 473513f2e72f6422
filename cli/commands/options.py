"""Options that several commands have."""

from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON (one object, or one a line) and nothing else on stdout.")
]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="HELIO_URL", help="The ingress. Default: the one that `helio up` runs."),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="HELIO_API_KEY",
        show_envvar=True,
        help="The key to it. Default: the demo's, with `helio up`.",
    ),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0, help="Seconds to wait at most; then exit code 4.")
]
