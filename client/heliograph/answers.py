"""What the REST API answers. Times are aware datetimes in UTC; ids are text in the form of a UUID."""

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, model_validator

from heliograph.value import Value
from heliograph.words import FaultWord, OutcomeWord, ProviderWord, SettledByWord, State, StateWord


class Sent(Value):
    """`send`: the message is the platform's to send, once."""

    #: False where it was cancelled before its provider had it (`queue=False`).
    success: bool
    message_id: str
    message: str
    provider: ProviderWord
    #: `queued`; with `queue=False` the provider's outcome: `sent`, or `failed` where a cancel was quicker.
    status: str
    num_segments: int
    #: Ours, where it says more than `status`: of a `queue=False` send that is not over, or was cancelled.
    state: StateWord | None = None
    #: It is held until then, as known at acceptance.
    send_at: AwareDatetime | None = None


class Rehearsal(Value):
    """`dry_run`: what would become of the message now. Nothing was sent, no key was used."""

    success: bool
    dry_run: bool
    message: str
    #: The sender that it would go out from, and which rule chose it.
    from_number: str
    to_number: str
    provider: ProviderWord
    account: str
    reason: str
    num_segments: int
    #: It would be held until then.
    send_at: AwareDatetime | None
    #: It would be handed over until then, or fail as `expired`.
    valid_until: AwareDatetime


class Status(Value):
    """`status`: what became of a message."""

    message_id: str
    status: str
    #: Finer than `status`: knows `delivered`, `undelivered` and `unknown`.
    state: StateWord
    provider_message_id: str | None
    error: str | None
    updated_at: AwareDatetime
    num_segments: int
    send_at: AwareDatetime | None


class Failure(Value):
    """Why a message did not arrive; `code` is stable."""

    code: str
    detail: str
    #: The provider's own code, and what it means.
    provider_code: str | None = None
    fault: FaultWord | None = None


class Step(Value):
    """A state that a message has been in, and since when."""

    status: StateWord
    at: AwareDatetime
    settled_by: SettledByWord | None


class Attempt(Value):
    """One attempt at a hand-over to a provider, and what came of it. `number` is 1 for the first."""

    number: int
    at: AwareDatetime
    provider: ProviderWord
    account: str
    sender: str
    outcome: OutcomeWord
    provider_message_id: str | None
    provider_code: str | None
    fault: FaultWord | None
    detail: str | None


class Message(Value):
    """`get`: everything that is known of a message."""

    message_id: str
    status: str
    state: StateWord
    use_case_id: str | None
    #: None until one of the use case's numbers is chosen.
    from_phone_number: str | None
    to_phone_number: str
    #: Empty where `redacted`.
    message: str
    media_urls: tuple[str, ...]
    #: The organization keeps texts off the platform's answers.
    redacted: bool = False
    num_segments: int
    reference: str | None
    provider: ProviderWord | None
    account: str | None
    #: The number that it goes out from, once chosen.
    sender: str | None
    provider_message_id: str | None
    error: str | None
    failure: Failure | None
    send_at: AwareDatetime | None
    accepted_at: AwareDatetime
    updated_at: AwareDatetime
    #: Oldest first.
    history: tuple[Step, ...]
    attempts: tuple[Attempt, ...]
    #: Why this sender and provider were chosen.
    reason: str | None
    #: The message that has the idempotency key, where it was used with other content.
    conflicts_with: str | None


class ChannelMessage(Value):
    """`send_through` and `get_through`: a message that goes through a use case."""

    id: str
    use_case_id: str
    #: Never changes, whichever provider has the message.
    message_sid: str
    #: None until one of the use case's numbers is chosen.
    from_number: str | None
    to_number: str
    #: Empty where `redacted`.
    body: str
    redacted: bool = False
    #: None until it is handed off; `segments` is known at once.
    num_segments: int | None
    #: `pending`, `sent`, `delivered`, `undelivered` or `failed`; `state` is finer.
    status: str
    handed_off_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    errored_at: AwareDatetime | None
    error_code: int | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    state: StateWord
    segments: int
    media_urls: tuple[str, ...]
    send_at: AwareDatetime | None
    reference: str | None
    provider: ProviderWord | None
    provider_message_id: str | None
    failure_code: str | None
    error: str | None


class Cancel(Value):
    """`cancel`: with `success` it was not sent and never will be. Else `message` says how far it had got.

    Also where it was cancelled before: the answer to a first try may be lost, and only a second one arrive.
    """

    success: bool
    message_id: str
    message: str
    previous_status: str
    #: None where this try found it as it is.
    new_status: str | None
    state: StateWord

    @model_validator(mode="before")
    @classmethod
    def _cancelled_is_success(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("state") == State.CANCELLED:
            return {**given, "success": True}
        return given


class QueueFigures(Value):
    """Of one provider: waiting, being handed over, failed in the last 24 hours."""

    pending: int
    active: int
    failed: int
    #: None where nothing waits.
    oldest_pending_seconds: float | None


class QueueStats(Value):
    """`queue_stats`: how many of your organization's messages are where, by provider."""

    timestamp: AwareDatetime
    queues: Mapping[str, QueueFigures]


class OptOut(Value):
    """The latest wish of a handset: about a use case, about a number of yours, or about all that you send."""

    number: str
    use_case_id: str | None
    sender: str | None
    #: `out` or `in`.
    consent: str
    #: `text`, `provider` or `api`.
    source: str
    at: AwareDatetime
    note: str


class OptOutPage(Value):
    """A page of wishes, by number. `next_cursor` asks for the next one; None: there are no more."""

    items: tuple[OptOut, ...]
    next_cursor: str | None


class CanSend(Value):
    """`can_send`: whether a number may send, and what stands in the way."""

    phone_number: str
    can_send: bool
    #: Why not: a stable code, and a sentence.
    reason_code: str | None
    reason: str | None
    #: The number's: `active` or `suspended`.
    status: str
    account: Mapping[str, Any] | None
    campaign: Mapping[str, Any] | None
    brand: Mapping[str, Any] | None
