"""One message and all that may bear on it, as values: what is in Kafka, in the ledger and in each process.

A nonce is written as whoever can still act on it, so that histories which differ only in dead nonces are one
state. A few steps of a process are one step here where nothing can come between them that would matter.
"""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from ledger.claims import Absent, Claim
from schemas.tasks import How

#: Nonces. Of the process' hand that drew it (by its place in `World.hands`) ...
HELD: Final = ("first", "second")
#: ... or of nobody any more: its call was accepted; it won nothing and will be voided; neither.
SENT, REFUSED, DEAD = "sent", "refused", "dead"

#: `until` of a claim: still to come, or over.
TO_COME, OVER = 2, 0
NOW: Final = 1


class Kind(StrEnum):
    """The facts; that the message was routed is known from the start."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    #: Throttled or unavailable: it provably did not happen.
    REFUSED = "throttled"
    AMBIGUOUS = "ambiguous"
    DELIVERED = "receipt: delivered"
    CANCEL_ASKED = "cancel asked"
    CANCELLED = "closed: cancelled"
    EXPIRED = "closed: expired"
    OPTED_OUT = "closed: opted out"
    #: A deadline that the fold acted on: the message failed by its owner's policy ...
    FAILED = "deadline: failed"
    #: ... or is sent again, as the next attempt.
    RESENT = "deadline: sent again"


class Said(NamedTuple):
    """A fact on the events topic."""

    kind: Kind
    attempt: int = 0
    nonces: tuple[str, ...] = ()
    record: str = ""


class Intended(NamedTuple):
    """An intent on its topic, or the call that it announced."""

    attempt: int
    nonce: str


class Copy(NamedTuple):
    """A record of the task: in the dispatch topic, or on its way there through waiting."""

    attempt: int
    #: Who it is: the place of its first record. "": where it will lie.
    record: str
    how: How


class Waiting(NamedTuple):
    """A copy that is being written to the waiting topics."""

    copy: Copy


class Deadline(NamedTuple):
    """The deadline of an unknown attempt, on its way through waiting."""

    attempt: int


#: What may be written to Kafka.
Written = Said | Intended | Waiting | Deadline


class Ledger(NamedTuple):
    """What the server holds."""

    claim: Claim = Absent()
    epoch: bool = True
    #: The place of the rebuild that holds the lock.
    lock: int | None = None
    #: Its recipient has opted out.
    opted_out: bool = False
    #: The claim became closed(unknown) by a script, which noted when its call was over; no rebuild did it.
    noted: bool = False


class At(IntEnum):
    """What a hand does next."""

    IDLE = 0
    LOOK = 1
    TAKE_OVER = 2
    INTENT = 3
    CLAIM = 4
    #: The claim was asked for, and no answer came: nobody knows here whether it was won.
    CLAIM_AGAIN = 5
    POST = 6
    #: The last look is done. Only without the rule `last-look` something can happen here.
    POST_BLIND = 7
    CLOSE = 8
    LOSE = 9
    REOPEN = 10
    #: Wait until what is being written is acknowledged.
    WRITE = 11
    #: Write the deadline of the attempt that was called unknown, then finish.
    DEADLINE = 12
    FINISH = 13
    #: Its sender was refused for good: open the claim to the next one; or else tell the refusal as the end.
    LEAVE = 14


class Hand(NamedTuple):
    """One task in a dispatcher's hand."""

    at: At = At.IDLE
    #: Which record of the log.
    place: int = -1
    attempt: int = 0
    writing: tuple[Written, ...] = ()
    #: What follows once all of it is acknowledged.
    then: At = At.IDLE
    #: `until` is over by this hand's own clock.
    over: bool = False
    posted: bool = False
    #: It won its claim, and the ledger has not been lost since.
    sure: bool = False
    #: The partition has moved on: what it finishes counts for nothing.
    former: bool = False


class Rebuild(NamedTuple):
    """A rebuild that has read Kafka."""

    claim: Claim
    #: What it says before it publishes, and after.
    before: tuple[Said, ...]
    after: tuple[Said, ...]
    opted_out: bool = False
    #: The server is still the one that gave the lock.
    same_run: bool = True
    published: bool = False


class Cancel(IntEnum):
    """How far the owner's DELETE has got."""

    #: None is under way, and none was answered; one may be made (again).
    NONE = 0
    LOOKED = 1
    ASKED = 2
    DECIDED = 3
    ANSWERED = 4
    #: The owner never makes one.
    NEVER = 5
    #: The last one was answered: already sending. Another one may be made.
    TOO_LATE = 6


class World(NamedTuple):
    """A state of everything."""

    log: tuple[Copy, ...]
    hands: tuple[Hand, Hand]
    faults_left: int
    cancel: Cancel
    #: The attempt that a DELETE under way has found to be next.
    asked_of: int = 0
    #: Places of the log that the partition's owner has finished, as bits; all before `committed` stay so.
    finished: int = 0
    committed: int = 0
    waiting: tuple[Copy, ...] = ()
    #: The attempts whose deadlines are to come.
    deadlines: frozenset[int] = frozenset()
    #: Without those that are voided.
    intents: frozenset[Intended] = frozenset()
    facts: frozenset[Said] = frozenset()
    #: What dead processes were writing: it may land at any later moment, or never.
    limbo: frozenset[Written] = frozenset()
    ledger: Ledger = Ledger()
    #: What the server may fall back to.
    past: tuple[Ledger, ...] = ()
    rebuilds: tuple[Rebuild | None, Rebuild | None] = (None, None)
    #: The calls that a provider has accepted; more than one only after a resend.
    accepted: tuple[Intended, ...] = ()
    #: The hand-over that the provider is about to be asked of, by a request that may truly send.
    asking: Intended | None = None
    #: The message's validity is over.
    late: bool = False
    #: Its recipient has opted out.
    opted_out: bool = False
    #: It was accepted after the ledger was lost for the last time.
    fresh: bool = False


class Move(NamedTuple):
    """One thing that may happen."""

    words: str
    world: World
    #: It may also never happen.
    optional: bool = False
    #: The same, but the ledger's answer was lost on its way back.
    unanswered: World | None = None


IDLE: Final = Hand()
