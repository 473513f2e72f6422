"""Sticky memory: the number that each recipient last saw from a use case. A short cut; Kafka is the truth.

helio:sticky:<use case>:<recipient> = <at> <number>, for `STICKY_MS` after `at`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.base import Millis
from schemas.public import StatusRecord
from schemas.status import State

#: Use case, and the recipient's number (+E.164).
Pair = tuple[str, str]
#: How long after a send its recipient is remembered: for as long as `sms.status.v1` tells of it.
STICKY_MS: Final = 30 * 24 * 3_600_000
#: What a recipient has seen, as far as anybody knows: it was handed over.
_SEEN: Final = frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED})


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of some pairs, in their order; None: nothing.

    `whole`: the ledger has all that `sms.status.v1` told before it was last lost; only then does None mean
    anything.
    """

    whole: bool
    numbers: tuple[str | None, ...]


def get_args(pairs: Sequence[Pair]) -> list[str]:
    """The arguments of `sticky_get.lua`."""
    return [_name(*pair) for pair in pairs]


def remembered(answer: tuple[int, *tuple[bytes | None, ...]]) -> Remembered:
    """What `sticky_get.lua` answers."""
    whole, *lines = answer
    numbers = (None if line is None else line.decode().split(" ")[1] for line in lines)
    return Remembered(bool(whole), tuple(numbers))


def put_args(rows: Sequence[StatusRecord], now: Millis) -> list[str | int]:
    """The arguments of `sticky_put.lua`: what `rows` tell of recipients, of each the newest."""
    newest: dict[str, tuple[Millis, str]] = {}
    for row in rows:
        if row.use_case_id is None or row.from_number is None or row.status not in _SEEN:
            continue
        name = _name(row.use_case_id, row.to_number)
        if row.at + STICKY_MS > now and row.at >= newest.get(name, (0, ""))[0]:
            newest[name] = (row.at, row.from_number)
    return [part for name, (at, number) in newest.items() for part in (name, at, number, at + STICKY_MS)]


def _name(use_case_id: str, recipient: str) -> str:
    return f"{use_case_id}:{recipient}"
