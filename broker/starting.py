"""How a service begins: what it is told, where it logs, and that it is not ready yet."""

import sys

from broker import logs
from schemas import environment
from schemas.settings import Settings


def begin() -> Settings:
    """The settings of this process, whose log goes to stderr from now on.

    Raises:
        MissetError: a setting cannot be read.
    """
    settings = environment.settings()
    logs.set_up(settings.log_level, settings.log_format, sys.stderr)
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    return settings
