"""`python -m webhooks`: takes the providers' callbacks until told to stop."""

import logging
import sys

import uvloop

from broker.failing import failing
from schemas import environment
from webhooks.server import serve


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    with failing("webhooks"):
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
