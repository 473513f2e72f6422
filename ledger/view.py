"""The status view: the last known row of each message, for GET. A short cut; Kafka is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ledger import claims
from ledger.claims import Claim, Closed
from schemas.base import Millis
from schemas.forgetting import VIEW_MS
from schemas.provider import ASKABLE
from schemas.public import Attempt, StatusRecord
from schemas.status import State

_DAY: Final = 24 * 3_600_000
#: Scripts read no more of a row's head; organizations of the directory have far shorter names.
_LONGEST_QUEUE: Final = 200
#: The queue of those that have no receipt yet, of a provider that can be asked: of all organizations.
_SENT: Final = "sent"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the ledger says of one message, at one moment.

    `row`: None if the view does not know the message. `claim`: absent also while there is no epoch. `whole`:
    the view knows all that was on `sms.status.v1` when it was last lost; only then does a missing row mean
    anything. `tries`: attempts that provably did not happen, oldest first, as far as this server has them.
    """

    row: StatusRecord | None
    claim: Claim
    whole: bool
    tries: tuple[Attempt, ...] = ()

    @property
    def cancelled(self) -> bool:
        """Queued, and cancelled already: the fold has not told it yet."""
        queued = self.row is not None and self.row.status is State.QUEUED
        return queued and isinstance(self.claim, Closed) and self.claim.why == "cancelled"


@dataclass(frozen=True, slots=True)
class First:
    """The ingress' own row of a message; the hold of its idempotency key by `token` ends with it."""

    row: StatusRecord
    token: str | None = None


def first_args(firsts: Sequence[First]) -> list[str | bytes | int]:
    """The arguments of `view_first.lua`."""
    return [part for first in firsts for part in (*_placed(first.row), first.token or "", first.row.encode())]


def put_args(rows: Sequence[StatusRecord]) -> list[str | bytes | int]:
    """The arguments of `view_put.lua`."""
    return [part for row in rows for part in (*_placed(row), row.sequence, row.encode())]


#: What the scripts answer of one message: its row, its claim's line, its tries.
Known = tuple[bytes | None, bytes | None, list[bytes]]


def seen(known: Known, whole: int) -> Seen:
    """What `seen.lua` answers."""
    value, line, tries = known
    return Seen(
        None if value is None else StatusRecord.decode(value),
        claims.parse(line),
        bool(whole),
        tuple(map(Attempt.decode, tries)),
    )


def owner(organization: str) -> str:
    """The organization as keys and rows name it."""
    return quote(organization, safe="")


def _placed(row: StatusRecord) -> tuple[str, int, str, int]:
    """Its id, when its row expires, the queue that it counts in, and its score there (`figures.lua`)."""
    expiry = row.forget_at + VIEW_MS
    kind, score = _counted(row, expiry)
    queue = f"{kind}:{row.provider}" if kind == _SENT else f"{kind}:{owner(row.organization)}:{row.provider}"
    counts = kind and row.provider is not None and len(queue) <= _LONGEST_QUEUE
    return row.message_id, expiry, queue if counts else "-", score


def _counted(row: StatusRecord, expiry: Millis) -> tuple[str, Millis]:
    match row.status:
        case State.QUEUED:
            return "pending", row.accepted_at
        case State.UNKNOWN:
            return "unknown", expiry
        case State.SENT if row.provider in ASKABLE and row.provider_message_id:
            return _SENT, row.at
        case State.FAILED | State.UNDELIVERED:
            return "failed", row.at + _DAY
        case _:
            return "", 0
