"""`python -m webhooks`: takes the providers' callbacks until told to stop."""

import logging
import sys

import uvloop

from broker.topics import TopicsDifferError
from schemas.exits import Exit
from schemas.settings import Settings
from webhooks.server import serve


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    try:
        uvloop.run(serve(settings))
    except TopicsDifferError as error:
        logging.getLogger("webhooks").critical("%s", error)
        sys.exit(Exit.TOPICS)


if __name__ == "__main__":
    main()
