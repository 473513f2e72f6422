"""`python -m notifiers`: tells subscriptions what happened, until told to stop."""

import logging
import sys

import uvloop

from broker.failing import failing
from notifiers.app import serve
from schemas.settings import Settings


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    settings = Settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    with failing("notifiers"):
        uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
