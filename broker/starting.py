"""How a service begins: what it is told, where it logs, and that it is not ready yet."""

import logging
import sys

from schemas import environment
from schemas.settings import Settings


def begin() -> Settings:
    """The settings of this process, whose log goes to stderr from now on.

    Raises:
        MissetError: a setting cannot be read.
    """
    settings = environment.settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    return settings
