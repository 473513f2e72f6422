"""Records that outsiders read: `sms.status.v1` and `sms.inbound.v1`."""

from enum import StrEnum
from typing import Literal

from schemas.base import Attached, Body, Millis, Record
from schemas.provider import Fault, Provider
from schemas.status import State


class Failure(Record):
    """Why a message did not arrive."""

    #: Ours, stable, from docs/errors.md: `rejected`, `undelivered`, `expired`, `conflict`, ...
    code: str
    #: One sentence for the message's owner.
    detail: str
    #: The provider's own code as text, where there is one.
    provider_code: str | None = None
    #: What the provider's code means: whose fault it is.
    fault: Fault | None = None


class AttemptOutcome(StrEnum):
    """What one attempt at a hand-over came to."""

    #: The provider has taken it.
    ACCEPTED = "accepted"
    #: The provider has refused it for good.
    REJECTED = "rejected"
    #: The provider refused it as not processed, for now.
    THROTTLED = "throttled"
    #: It provably never left.
    UNAVAILABLE = "unavailable"
    #: It may have been sent: nobody knows.
    UNKNOWN = "unknown"


class Attempt(Record):
    """One attempt at a hand-over, and what came of it."""

    #: 1 for the first.
    number: int
    #: When its outcome became known, milliseconds since the epoch.
    at: Millis
    #: Who it was handed to.
    provider: Provider
    #: The provider account, as the directory names it.
    account: str
    #: The number that it went out from, +E.164.
    sender: str
    #: What came of it.
    outcome: AttemptOutcome
    #: The provider's own id of it, where it gave one.
    provider_message_id: str | None = None
    #: The provider's own code as text, where there is one.
    provider_code: str | None = None
    #: What the provider's code means: whose fault it is.
    fault: Fault | None = None
    #: One sentence more, where there is something to say.
    detail: str | None = None


class SettledBy(StrEnum):
    """What settled a hand-over whose outcome was unknown."""

    #: The provider's receipt.
    RECEIPT = "receipt"
    #: The provider, when it was asked.
    ASKED = "asked"
    #: The provider's answer to the hand-over itself, after we had given up on it.
    ANSWER = "answer"
    #: Its owner's policy, when the time to learn more was over: what came of it is still not known.
    POLICY = "policy"


class Step(Record):
    """A state that a message has been in, and since when."""

    #: The state.
    status: State
    #: Since when, milliseconds since the epoch.
    at: Millis
    #: What settled it, where the state before was `unknown`.
    settled_by: SettledBy | None = None


class StatusRecord(Record):
    """One transition of a message, with the whole picture: it can be understood by itself.

    `sequence` counts a message's transitions from 1 without gaps; `id` is the same for every repeat of a
    transition, so a reader that drops known ids sees each once. Keyed by `message_id`.
    """

    #: What this record is, and its version.
    type: Literal["status.v1"] = "status.v1"
    #: A UUID: the same for every repeat of this transition, and of no other one.
    id: str
    #: A UUID: the message.
    message_id: str
    #: Whose message it is.
    organization: str
    #: 1 for a message's first transition, then one more for each.
    sequence: int
    #: The state that it is in from now on.
    status: State
    #: The state that it was in; absent in its first record.
    previous: State | None = None
    #: When the fact behind this transition happened, milliseconds since the epoch.
    at: Millis
    #: When the request was accepted, milliseconds since the epoch.
    accepted_at: Millis
    #: When the platform forgets the message, milliseconds since the epoch: no transition comes after that.
    forget_at: Millis
    #: The sender: as asked for, or as chosen from the use case's pool; None before one is chosen.
    from_number: str | None = None
    #: The use case that it is sent through; None where it named its sender. An answer to a text has both.
    use_case_id: str | None = None
    #: The recipient, as it was asked for: +E.164, unless that is why the message failed.
    to_number: str
    #: The text. Empty where `redacted`.
    text: Body
    #: Where the media of an MMS are fetched from. Empty where `redacted`.
    media: Attached = ()
    #: Its organization keeps the text and the addresses of its media off this topic.
    redacted: bool = False
    #: As many as carriers count.
    segments: int
    #: The producer's own reference, as it was given.
    reference: str | None = None
    #: A digest of what was asked for, for comparison alone: the same for the same content.
    fingerprint: str
    #: It is held until this moment: its owner's wish, or the end of quiet hours, as known at acceptance. What
    #: holds it only at its turn (other quiet hours, a day cap) is not told.
    send_at: Millis | None = None
    #: The hand-over that the status speaks of; absent for a message that was never routed.
    attempt: int | None = None
    #: Who it is, or is to be, handed to.
    provider: Provider | None = None
    #: The provider account, as the directory names it.
    account: str | None = None
    #: The provider's own id of it, once it has given one.
    provider_message_id: str | None = None
    #: Which rule chose the sender.
    reason: str | None = None
    #: Why it did not arrive, where it did not.
    failure: Failure | None = None
    #: What settled it, where `previous` is `unknown`.
    settled_by: SettledBy | None = None
    #: Every transition up to this one, oldest first; this one last.
    history: tuple[Step, ...] = ()
    #: The attempts whose outcome was known by then, oldest first: the latest 20.
    attempts: tuple[Attempt, ...] = ()
    #: For a key used again with other content: the message that has the key.
    conflicts_with: str | None = None
    #: It was refused after a door had accepted it.
    taken_back: bool = False


class Media(Record):
    """A picture or file that came with a text: where the provider keeps it, for as long as it does."""

    #: Its address at the provider.
    url: Body
    #: Its media type, where the provider says it.
    content_type: str | None = None
    #: In bytes, where the provider says it.
    size: int | None = None


class Keyword(StrEnum):
    """What a text asks for, where it is one of the words that carriers know (docs/optouts.md)."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class InboundRecord(Record):
    """A text that somebody sent to one of our numbers. Keyed by `from_number`, the handset.

    `id` is the same for every repeat of a text, so a reader that drops known ids sees each once.
    """

    #: What this record is, and its version.
    type: Literal["inbound.v1"] = "inbound.v1"
    #: A UUID: the same for every repeat of this text, and of no other one.
    id: str
    #: Who owns the number; where nobody does, who owns the account.
    organization: str
    #: Who brought it.
    provider: Provider
    #: The provider account, as the directory names it.
    account: str
    #: The provider's own id of it.
    provider_message_id: str
    #: The handset, +E.164, or as the provider wrote it where that is no number.
    from_number: str
    #: Our number, +E.164.
    to_number: str
    #: The text, as it was written.
    text: Body
    #: Which one, where the whole text is one of the words that carriers know.
    keyword: Keyword | None = None
    #: What came with it.
    media: tuple[Media, ...] = ()
    #: As the provider counts them, else as carriers do.
    segments: int
    #: When it was sent, by the provider's clock where that says; milliseconds since the epoch.
    at: Millis
    #: When we received it, milliseconds since the epoch.
    received_at: Millis
