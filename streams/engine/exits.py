"""How the engine ends a process that must not go on. Nothing unconfirmed was committed."""

import logging
import os
import sys
from typing import NoReturn

from broker.refusal import denied
from schemas.exits import Exit

__all__ = ["Exit", "die", "log"]

log = logging.getLogger("streams")


def die(code: Exit, why: str, *args: object) -> NoReturn:
    """Log why and end the process at once: no clean-up, no commit, from any thread. A supervisor restarts it.

    Args:
        code: what the supervisor sees.
        why: a sentence, with %-placeholders.
        *args: what they stand for. An error that says that we lack a right makes it `REFUSED`.
    """
    reason = why % args
    if said := next(filter(None, map(denied, args)), None):
        code, reason = Exit.REFUSED, f"{reason}: {said}"
    log.critical("fail-stop %d (%s): %s", code, code.name.lower(), reason, exc_info=sys.exc_info()[1])
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
