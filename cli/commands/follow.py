"""Following messages to their end over REST."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from cli.commands.rest import Answer, Rest
from cli.commands.trouble import Exit, TroubleError
from schemas.status import ENDED, State

_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Seen:
    """What the status API says of one message."""

    message_id: str
    state: str
    answer: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected."""
        return self.state in ENDED

    @property
    def delivered(self) -> bool:
        """Whether the handset has it."""
        return self.state == State.DELIVERED


def look(rest: Rest, message_id: str) -> Seen:
    """The message as it is now.

    Raises:
        TroubleError: it is not known, not ours to see, or nobody answers.
    """
    return _seen(message_id, rest.status(message_id))


def look_closely(rest: Rest, message_id: str) -> Seen:
    """The message as it is now, with everything that is known of it.

    Raises:
        TroubleError: as `look`.
    """
    return _seen(message_id, rest.record(message_id))


def _seen(message_id: str, answer: Answer) -> Seen:
    if not answer.ok:
        raise TroubleError(answer.detail, Exit.NO)
    # `state` is our own word; `status` is the public contract's coarser one (docs/cli.md).
    return Seen(message_id, str(answer.body.get("state", answer.body.get("status"))), answer.body)


def follow(
    rest: Rest,
    ids: Iterable[str],
    *,
    seconds: float,
    pool: ThreadPoolExecutor,
    changed: Callable[[Seen], None],
) -> list[Seen]:
    """Ask about each message until all have ended or `seconds` are over; the last word on each.

    `changed` is told of each message's first state and of every change.
    """
    end = time.monotonic() + seconds
    last: dict[str, Seen | None] = dict.fromkeys(ids)
    pause = _FIRST_PAUSE_SECONDS
    while open_ids := [key for key, seen in last.items() if seen is None or not seen.ended]:
        moved = False
        for seen in pool.map(lambda key: look(rest, key), open_ids):
            before = last[seen.message_id]
            if before is None or before.state != seen.state:
                changed(seen)
                moved = True
            last[seen.message_id] = seen
        if time.monotonic() >= end:
            break
        pause = _FIRST_PAUSE_SECONDS if moved else min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        if any(seen is None or not seen.ended for seen in last.values()):
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
    return [seen for seen in last.values() if seen is not None]


def verdict(seen: Iterable[Seen]) -> Exit:
    """The exit code that fits: all delivered, some ended otherwise, or some not ended in time."""
    found = list(seen)
    if any(one.ended and not one.delivered for one in found):
        return Exit.NO
    return Exit.DONE if all(one.delivered for one in found) else Exit.TIME_OVER
