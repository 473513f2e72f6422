"""A message's states, the legal moves between them, and the words that the two public APIs have for them."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What Heliograph truthfully knows of a message."""

    #: Accepted; nothing has been handed to a provider, or what was provably never left.
    QUEUED = "queued"
    #: A hand-over whose outcome cannot be known yet. Never re-sent in silence.
    UNKNOWN = "unknown"
    #: A provider has accepted it.
    SENT = "sent"
    #: The handset has it, says the provider's receipt.
    DELIVERED = "delivered"
    #: A provider's receipt says that it did not reach the handset.
    UNDELIVERED = "undelivered"
    #: It was refused: by us, or by the provider before or after accepting it.
    FAILED = "failed"
    #: Cancelled by its owner: never sent.
    CANCELLED = "cancelled"


_Q, _N, _S, _D, _U, _F, _C = (
    State.QUEUED,
    State.UNKNOWN,
    State.SENT,
    State.DELIVERED,
    State.UNDELIVERED,
    State.FAILED,
    State.CANCELLED,
)

#: Where a message may go from each state. Endings correct each other by rank only:
#: delivered over undelivered over failed over cancelled. `failed -> sent` is for a failure that was our own
#: belief (by policy, or refused by us), which yields to the provider's word (docs/protocol.md, rule 6);
#: of endings without a hand-over, `failed -> cancelled` is for a cancel that was answered to its owner.
#: `undelivered -> sent | failed` is for a message that was sent again: what became of the first try ends
#: nothing while the second one is under way.
MOVES: Final[dict[State | None, frozenset[State]]] = {
    None: frozenset({_Q, _F, _C}),
    _Q: frozenset({_N, _S, _D, _U, _F, _C}),
    _N: frozenset({_Q, _S, _D, _U, _F, _C}),
    _S: frozenset({_D, _U, _F}),
    _C: frozenset({_S, _F, _U, _D}),
    _F: frozenset({_S, _U, _D, _C}),
    _U: frozenset({_S, _F, _D}),
    _D: frozenset(),
}

#: States after which nothing more is expected.
ENDED: Final = frozenset({_D, _U, _F, _C})

#: The words of `GET /sms/{message_id}/status` (docs/ingress.md). `sending` is also said of a
#: queued message whose claim is held; that is the ledger's knowledge, not a state.
SEND_API: Final[dict[State, str]] = {
    _Q: "queued",
    _N: "sending",
    _S: "sent",
    _D: "sent",
    _U: "failed",
    _F: "failed",
    _C: "cancelled",
}
SENDING: Final = "sending"

#: The words of the channel API, `POST /v1/sms/` and `GET /v1/sms/{id}`.
CHANNEL_API: Final[dict[State, str]] = {
    _Q: "pending",
    _N: "pending",
    _S: "sent",
    _D: "delivered",
    _U: "undelivered",
    _F: "failed",
    _C: "failed",
}
