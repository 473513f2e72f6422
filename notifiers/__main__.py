"""`python -m notifiers`: tells subscriptions what happened, until told to stop."""

import logging
import sys

import uvloop

from broker.failing import failing
from notifiers.app import serve
from schemas import environment


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    with failing("notifiers"):
        settings = environment.settings()
        logging.basicConfig(
            level=settings.log_level,
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
            stream=sys.stderr,
        )
        if settings.ready_file is not None:
            settings.ready_file.unlink(missing_ok=True)
        uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
