"""`python -m streams route|fold|views|waiting`: one process each; many of one kind share its partitions."""

import argparse
from collections.abc import Callable
from typing import Final

import uvloop

from broker.failing import failing
from broker.starting import begin
from schemas.settings import Settings
from streams import app

_SERVICES: Final[dict[str, Callable[[Settings], None]]] = {
    "route": app.run_route,
    "fold": app.run_fold,
    "views": lambda settings: uvloop.run(app.serve_views(settings)),
    "waiting": lambda settings: uvloop.run(app.serve_waiting(settings)),
}


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    parser = argparse.ArgumentParser(prog="python -m streams", description=__doc__)
    parser.add_argument("service", choices=_SERVICES)
    service = parser.parse_args().service
    with failing("streams"):
        _SERVICES[service](begin())


if __name__ == "__main__":
    main()
