"""What `route` hands to the dispatchers, and the intents that they write before they act on it."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from schemas.base import Attached, Body, Millis, Record, decode_with
from schemas.lanes import Lane
from schemas.provider import Provider

#: Most senders of a message that refuse it for good, and most of one round that are of no use for now.
MOST_SENDERS: Final = 5


class RecordId(Record):
    """Where a record lies: the identity of a task, carried through the waiting topics."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class How(StrEnum):
    """How a task came to be, which decides what it may win over (docs/protocol.md, rule 2)."""

    #: The first attempt, or a retry of one that provably never reached the handset.
    PLAIN = "plain"
    #: A retry after a resend: an earlier attempt may have been sent.
    AFTER_UNKNOWN = "after_unknown"
    #: By the owner's policy, after an unknown send; only the fold emits it.
    RESEND = "resend"


class OnUnknown(StrEnum):
    """What becomes of a send whose outcome stays unknown until its deadline: its owner's policy."""

    #: It stays unknown until somebody learns more.
    HOLD = "hold"
    #: It is sent again, though it may have arrived: at least once rather than at most once.
    RESEND = "resend"
    #: It counts as failed, unless the provider says otherwise later.
    FAIL = "fail"


class Task(Record):
    """One message to hand over through one sender of one account."""

    type: Literal["dispatch.v1"] = "dispatch.v1"
    message_id: str
    organization: str
    #: 1 for the first; every retry, resend and failover is one more.
    attempt: int = 1
    how: How = How.PLAIN
    #: The first record of this task; None until it has come back through waiting.
    record: RecordId | None = None
    lane: Lane
    provider: Provider
    account: str
    #: The number that it goes out from, +E.164: also the key of the record.
    sender: str
    #: The use case that it is sent through: another of its numbers may take it over. None: nobody else may.
    use_case_id: str | None = None
    to_number: str
    text: Body
    media: Attached = ()
    segments: int
    #: Not to be tried before this moment (a retry's pause).
    not_before: Millis = 0
    #: When its message was accepted; 0: a version wrote it that did not say so.
    accepted_at: Millis = 0
    valid_until: Millis
    forget_at: Millis
    #: Its owner's policy.
    on_unknown: OnUnknown = OnUnknown.HOLD
    #: It answers what the recipient has just written (STOP, START, HELP): no opt-out stops it.
    confirms: bool = False
    #: An opt-out stops it all the same: it answers START, and a STOP may have followed.
    heeds_optouts: bool = False
    #: Accounts and senders that are of no use for now: `route` does not choose them again in this round.
    tried_accounts: tuple[str, ...] = ()
    tried_senders: tuple[str, ...] = ()
    #: Those that a provider has refused, or the directory does not let send: never chosen again.
    refused_senders: tuple[str, ...] = ()
    #: How often all that could be tried has been; and before this moment no other one is asked for in vain.
    rounds: int = 0
    stays_until: Millis = 0
    #: The attempt with which its sender had it first.
    first_attempt: int = 1
    #: When its turn comes, or came, in the line of those that found no room (docs/dispatchers.md); None while
    #: it has no place there.
    turn: Millis | None = None


class Inquiry(Record):
    """The provider is to be asked what became of a hand-over: one that is unknown, or long without a receipt.

    Lies on a dispatch topic beside the tasks, keyed by the sender; comes through waiting like them.
    """

    type: Literal["inquiry.v1"] = "inquiry.v1"
    message_id: str
    organization: str
    attempt: int
    provider: Provider
    account: str
    #: The number that it went out from, +E.164: also the key of the record.
    sender: str
    to_number: str
    forget_at: Millis
    #: When it was handed over, at the latest.
    sent_at: Millis
    #: The provider's own id, where it is known: the message is `sent`, and no receipt has come for long.
    provider_message_id: str | None = None
    #: Where the outcome is unknown: the task that was handed over, and its nonce ("": not known).
    task: Task | None = None
    nonce: str = ""
    #: How often the provider has been asked before.
    asked: int = 0
    #: Not to be asked before this moment.
    not_before: Millis = 0
    #: Nor after this one: by then the policy may have acted.
    ask_until: Millis


Work = Annotated[Task | Inquiry, Field(discriminator="type")]
_TASK = b'{"type":"dispatch.v1",'
_VALIDATOR = TypeAdapter[Task | Inquiry](Work).validator


def decode_work(value: bytes | None) -> Task | Inquiry:
    """The record of a dispatch topic in `value`.

    Raises:
        DecodeError: see `Record.decode`.
    """
    if value is not None and value.startswith(_TASK):
        # As we write it. Most are tasks, and their own validator takes half the time of the union's.
        return Task.decode(value)
    work: Task | Inquiry = decode_with(_VALIDATOR, value)
    return work


class Intent(Record):
    """What is about to be handed over: acknowledged by the broker before its claim is tried."""

    message_id: str
    organization: str
    attempt: int
    nonce: str
    record: RecordId
    provider: Provider
    account: str
    sender: str
    forget_at: Millis
    #: What it counts, and against which of the day's caps (docs/ledger.md): a rebuild counts them again.
    segments: int = 1
    caps: tuple[str, ...] = ()


class Void(Record):
    """An intent of an earlier batch that did not win its claim: it was not handed over."""

    message_id: str
    attempt: int
    nonce: str


class Intents(Record):
    """One batch on `sms.intents.v1`, keyed by the dispatcher that wrote it."""

    type: Literal["intents.v1"] = "intents.v1"
    at: Millis
    intents: tuple[Intent, ...] = ()
    voids: tuple[Void, ...] = ()
