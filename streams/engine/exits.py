"""How the engine ends a process that must not go on. Nothing unconfirmed was committed."""

import enum
import logging
import os
import sys
from typing import NoReturn

from broker.refusal import denied

log = logging.getLogger("streams")


class Exit(enum.IntEnum):
    """The exit codes of a fail-stop, and what each one says."""

    SEND = 70
    """The broker refused a record that we produced, or the producer is broken."""
    HANDLER = 71
    """A handler, or a function run between records, raised."""
    GAP = 72
    """Offsets of a source are not consecutive: retention took records unread, or a fetch was lost."""
    PAUSED = 73
    """The group gave our partitions away while we held them: stopped or cut off past the session."""
    TOPICS = 74
    """A topic is missing, or has another number of partitions than it must."""
    RECOVERY = 75
    """A table cannot be rebuilt from its changelog, or not in time."""
    CRASH = 76
    """Faust or aiokafka failed, stands still, or does not stop."""
    REFUSED = 78
    """The broker refuses what we lack a right for."""


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
