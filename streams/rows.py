"""A row of the table `rows`: what the facts of one message have said, and what was told of it so far.

Each fact is a `Word` on the message's fate. Words are totally ordered, and a row keeps the weightiest that it
has heard, so neither the order nor the repetition of facts can matter. Receipts are set aside until a fact of
ours names the hand-over that they speak of.
"""

import struct
from enum import IntEnum
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BeforeValidator, TypeAdapter

from schemas.base import DecodeError, decode_with
from schemas.messages import Content
from schemas.provider import Provider
from schemas.public import Failure, SettledBy
from schemas.status import State
from streams.tries import Try


class Rank(IntEnum):
    """What a word says, weakest first: the higher rank holds (docs/streams.md; docs/protocol.md, rule 6)."""

    #: Routed, or refused for now by the provider: it lies with us.
    QUEUED = 0
    #: A hand-over whose outcome cannot be known.
    UNKNOWN = 1
    #: Endings that are ours: expired, opted out, failed by policy. A cancel was answered to its owner, so it
    #: stands over what only we knew.
    REFUSED = 2
    CLOSED = 3
    CANCELLED = 4
    #: The provider's own word, the answer first, then its receipts.
    REJECTED = 5
    SENT = 6
    FAILED = 7
    UNDELIVERED = 8
    DELIVERED = 9


#: By rank.
_STATES: Final = (
    State.QUEUED,
    State.UNKNOWN,
    State.FAILED,
    State.FAILED,
    State.CANCELLED,
    State.FAILED,
    State.SENT,
    State.FAILED,
    State.UNDELIVERED,
    State.DELIVERED,
)


class Word(NamedTuple):
    """What one fact says of the message."""

    rank: Rank
    #: When it happened, milliseconds since the epoch.
    at: int
    #: The hand-over that it speaks of; None: of none in particular.
    attempt: int | None = None
    provider: Provider | None = None
    account: str | None = None
    provider_message_id: str | None = None
    failure: Failure | None = None
    #: How whoever says it came to know, where it settles an unknown hand-over.
    by: SettledBy | None = None
    #: The number that it goes out from, where that is known. Rows before version 4 do not say it.
    sender: str | None = None

    @property
    def state(self) -> State:
        """What the message would be if this were all that is known."""
        return _STATES[self.rank]


class Origin(NamedTuple):
    """What makes a row tell: the request itself, with the first word on it."""

    organization: str
    content: Content
    #: Queued where it was routed, refused where it was not.
    word: Word
    reason: str | None = None
    conflicts_with: str | None = None
    #: Refused after a door had accepted it.
    taken_back: bool = False


class Told(NamedTuple):
    """A transition: the word that made it, and the offset of the fact that brought it."""

    offset: int
    word: Word
    #: Why its sender was chosen, where that is another than the first.
    reason: str | None = None


class Resend(NamedTuple):
    """That the owner's policy has sent it again: the deadline's offset, and the attempt that was unknown."""

    offset: int
    attempt: int


def _with_senders(named: Any) -> Any:
    """Rows before version 4 have the names alone, for the sender was always the one that was asked for."""
    return dict.fromkeys(named, "") if isinstance(named, list) else named


#: By `hand_over()`: the number that it went out from.
Named = Annotated[dict[str, str], BeforeValidator(_with_senders)]


class Row(NamedTuple):
    """All that is kept of a message."""

    message_id: str
    #: Of the last fact that changed it.
    offset: int
    #: When it is dropped.
    forget_at: int
    #: None while only other facts than routed and rejected have come: nothing is told yet.
    origin: Origin | None = None
    #: The weightiest word that leaves it with us: queued or unknown.
    open: Word | None = None
    #: The weightiest of all others.
    fate: Word | None = None
    #: The hand-overs that facts of ours have named. Never changed in place.
    named: Named = {}  # noqa: RUF012 - a named tuple's defaults are shared, and no row is written to
    #: Receipts for hand-overs that are not named (yet): the weightiest of each.
    aside: dict[str, Word] | None = None
    told: tuple[Told, ...] = ()
    #: What facts of ours said of each attempt, by offset; empty in rows of version 1.
    tries: tuple[Try, ...] = ()
    #: Its owner wants it cancelled. Rows before version 3 do not say it.
    cancel_asked: bool = False
    #: Each time that it was sent again, oldest first.
    resends: tuple[Resend, ...] = ()
    #: By sender: why `route` has chosen it after another one. Rows before version 4 have none.
    reroutes: dict[str, str] | None = None
    #: The `traceparent` of its request, for all that is told of it. Rows before version 5 do not say it.
    trace: str | None = None

    @property
    def word(self) -> Word | None:
        """The one that holds: a pure function of the facts; None where none of them has counted."""
        return self.fate or self.open


def weightier(old: Word | None, new: Word) -> Word:
    """The one that holds, whichever came first: a total order of all words.

    While a message lies with us the latest attempt speaks, and of one attempt `unknown` over a refusal for
    now; of words that say no more than that it lies with us, the latest, for it knows the sender. Otherwise
    the rank decides; but of attempts that a provider has taken the latest speaks, unless the handset has one
    of them: of a message that was sent again, the first try's failure ends nothing.
    """
    if old is None:
        return new
    if old == new:
        return old
    ours, theirs = _weight(old), _weight(new)
    if ours == theirs:  # equals but for their details: any fixed choice will do
        return max(old, new, key=repr)
    return old if ours > theirs else new


def _weight(word: Word) -> tuple[int, int, int, int]:
    rank, attempt = word.rank, word.attempt or 0
    # Of two that say the same, the earlier one: its time is when it became so. But where it lies with us, the
    # later one: it may have been given another sender.
    if rank <= Rank.UNKNOWN:
        return 0, attempt, rank, word.at if rank is Rank.QUEUED else -word.at
    taken = Rank.SENT <= rank < Rank.DELIVERED
    return Rank.SENT if taken else rank, attempt, rank, -word.at


def hand_over(attempt: int, nonce: str, account: str) -> str:
    """What a receipt must name to count: one hand-over of ours, through this account."""
    return f"{attempt} {nonce} {account}"


#: 1: rows without tries; 2: without what policies need; 3: without senders; 4: without traces. All are read
#: as well.
_VERSION: Final = 5
#: Version, offset, forget_at: what recovery and eviction read without the rest. JSON follows.
_HEAD: Final = struct.Struct(">BQQ")
_ROWS: Final = TypeAdapter(Row)
_to_json = _ROWS.serializer.to_json
_validator = _ROWS.validator


def encode(row: Row) -> bytes:
    """The row as the table's value."""
    return _HEAD.pack(_VERSION, row.offset, row.forget_at) + _to_json(row)


def decode(value: bytes) -> Row:
    """The row in a value of the table.

    Raises:
        DecodeError: it was not written by this version or an earlier one.
    """
    _head(value)
    row: Row = decode_with(_validator, value[_HEAD.size :])
    return row


def keep(old: bytes, new: bytes) -> bytes:
    """Of two changelog records of a key, the one that has heard more facts: a zombie's late write loses.

    Raises:
        DecodeError: see `decode`.
    """
    return old if _head(old)[0] > _head(new)[0] else new


def forgotten(value: bytes, now_ms: int) -> bool:
    """Whether a row has served its time. Cheap: reads one number.

    Raises:
        DecodeError: see `decode`.
    """
    return _head(value)[1] <= now_ms


def _head(value: bytes) -> tuple[int, int]:
    if len(value) < _HEAD.size or not 0 < value[0] <= _VERSION:
        raise DecodeError(f"a row of {len(value)} bytes that starts with {value[:1]!r}")
    _, offset, forget_at = _HEAD.unpack_from(value)
    return offset, forget_at
