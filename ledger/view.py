"""The status view: the last known row of each message, for GET. A short cut; Kafka is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger import claims
from schemas.forgetting import VIEW_MS
from schemas.public import StatusRecord
from schemas.status import State


@dataclass(frozen=True, slots=True)
class Seen:
    """What the view says of one message.

    `row`: None if it does not know the message. `sending`: it is queued and its claim is held.
    `whole`: the view knows all that was on `sms.status.v1` when it was last lost; only then does a missing
    row mean anything.
    """

    row: StatusRecord | None
    sending: bool
    whole: bool


def first_args(rows: Sequence[StatusRecord]) -> list[str | bytes | int]:
    """The arguments of `view_first.lua`."""
    return [part for row in rows for part in (row.message_id, _expiry(row), row.encode())]


def put_args(rows: Sequence[StatusRecord]) -> list[str | bytes | int]:
    """The arguments of `view_put.lua`."""
    return [part for row in rows for part in (row.message_id, row.sequence, _expiry(row), row.encode())]


def seen(answer: tuple[bytes | None, bytes | None, int]) -> Seen:
    """What `view_get.lua` answers."""
    value, line, whole = answer
    row = None if value is None else StatusRecord.decode(value)
    held = isinstance(claims.parse(line), claims.Sending)
    return Seen(row, held and row is not None and row.status is State.QUEUED, bool(whole))


def _expiry(row: StatusRecord) -> int:
    return row.forget_at + VIEW_MS
