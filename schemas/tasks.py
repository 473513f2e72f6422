"""What `route` hands to the dispatchers, and the intents that they write before they act on it."""

from enum import StrEnum
from typing import Literal

from schemas.base import Millis, Record
from schemas.messages import Lane
from schemas.provider import Provider


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
    to_number: str
    text: str
    media: tuple[str, ...] = ()
    segments: int
    #: Not to be tried before this moment (a retry's pause).
    not_before: Millis = 0
    valid_until: Millis
    forget_at: Millis


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
