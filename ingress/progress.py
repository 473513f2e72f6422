"""How far a message has got, in the words of the send API: row and claim read together."""

from typing import Final

from ledger.claims import Absent, Claim, Closed, Open, Sending
from ledger.view import Seen
from schemas.public import StatusRecord
from schemas.status import SEND_API, SENDING, State

#: Nothing certain is known yet of a hand-over.
_OPEN: Final = frozenset({State.QUEUED, State.UNKNOWN})


def state(row: StatusRecord, seen: Seen) -> str:
    """Our own word: the row's, but where the claim already knows more than the row tells."""
    if seen.cancelled:
        return State.CANCELLED
    return SENDING if row.status is State.QUEUED and in_hand(seen.claim) else row.status


def word(row: StatusRecord, seen: Seen) -> str:
    """The word of the public contract."""
    if seen.cancelled:
        return SEND_API[State.CANCELLED]
    return SENDING if row.status is State.QUEUED and in_hand(seen.claim) else SEND_API[row.status]


def in_hand(claim: Claim) -> bool:
    """Whether the provider may have been asked, so that nobody can call the message back."""
    match claim:
        case Sending() | Closed(why="sent" | "unknown"):
            return True
        case Open(maybe_sent=maybe_sent):
            return maybe_sent
        case _:
            return False


def decided(seen: Seen) -> bool:
    """Whether something certain is known: an outcome, a refusal, a cancel."""
    return seen.row is not None and (seen.row.status not in _OPEN or seen.cancelled)


def far(seen: Seen | None, provider: str) -> str:
    """Of a message that is not `decided`: where it is, for its owner."""
    if seen is None or seen.row is None:
        return "how far it has got cannot be told at the moment"
    if seen.row.status is State.UNKNOWN or in_hand(seen.claim):
        return f"handed to {provider}, whose answer is not known yet"
    if isinstance(seen.claim, Absent):
        return "waiting for its turn"
    return f"waiting to be tried again: {provider} did not take it at once"
