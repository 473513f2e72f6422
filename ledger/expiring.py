"""Tasks that end before they are handed over, as values: asked of the ledger, and answered. Opens nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.claims import Looked, parse
from schemas.base import Millis
from schemas.facts import ClosedWhy
from schemas.tasks import How


@dataclass(frozen=True, slots=True)
class Late:
    """A task that may not be handed over any more, by the clock of whoever asks. It needs no intent."""

    message_id: str
    attempt: int
    how: How
    valid_until: Millis
    forget_at: Millis


@dataclass(frozen=True, slots=True)
class Early:
    """By Redis' clock it is too late only in `ms`; nothing was decided."""

    ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that may not be handed over any more, whatever its time: its intent counts for nothing."""

    message_id: str
    attempt: int
    how: How
    why: ClosedWhy
    forget_at: Millis


def encode_ended(asks: Sequence[Ended]) -> str:
    """The argument of `refuse.lua`."""
    listed = [
        {
            "id": ask.message_id,
            "attempt": ask.attempt,
            "how": ask.how,
            "why": ask.why,
            "forget_at": ask.forget_at,
        }
        for ask in asks
    ]
    return json.dumps(listed, separators=(",", ":"))


def looked(found: list[bytes | int | None]) -> Looked:
    """What `refuse.lua` answers for one task."""
    match found:
        case [int() as passed, (bytes() | None) as line]:
            return Looked(parse(line), until_passed=passed == 1)
    raise ValueError(f"not an answer about a task that ends: {found!r}")


def encode_lates(asks: Sequence[Late]) -> str:
    """The argument of `expire.lua`."""
    listed = [
        {
            "id": ask.message_id,
            "attempt": ask.attempt,
            "how": ask.how,
            "valid_until": ask.valid_until,
            "forget_at": ask.forget_at,
        }
        for ask in asks
    ]
    return json.dumps(listed, separators=(",", ":"))


def answer(found: list[bytes | int | None]) -> Early | Looked:
    """What `expire.lua` answers for one task."""
    match found:
        case [b"early", int() as ms]:
            return Early(ms)
        case [b"found", int() as passed, (bytes() | None) as line]:
            return Looked(parse(line), until_passed=passed == 1)
    raise ValueError(f"not an answer about a late task: {found!r}")
