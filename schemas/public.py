"""Records that outsiders read: `sms.status.v1`."""

from typing import Literal

from schemas.base import Millis, Record
from schemas.provider import Fault, Provider
from schemas.status import State


class Failure(Record):
    """Why a message did not arrive."""

    #: Ours, stable, from docs/errors.md: `rejected`, `undelivered`, `expired`, `conflict`, ...
    code: str
    detail: str
    #: The provider's own code as text, where there is one, and what it means to us.
    provider_code: str | None = None
    fault: Fault | None = None


class StatusRecord(Record):
    """One transition of a message, with the whole picture: it can be understood by itself.

    `sequence` counts a message's transitions from 1 without gaps; `id` is the same for every repeat of a
    transition, so a reader that drops known ids sees each once. Keyed by `message_id`.
    """

    type: Literal["status.v1"] = "status.v1"
    id: str
    message_id: str
    organization: str
    sequence: int
    status: State
    previous: State | None = None
    #: When the fact behind this transition happened, milliseconds since the epoch.
    at: Millis
    accepted_at: Millis
    forget_at: Millis
    from_number: str
    to_number: str
    text: str
    media: tuple[str, ...] = ()
    segments: int
    reference: str | None = None
    fingerprint: str
    #: The hand-over that the status speaks of; absent for a message that was never routed.
    attempt: int | None = None
    provider: Provider | None = None
    account: str | None = None
    provider_message_id: str | None = None
    #: Which rule chose the sender.
    reason: str | None = None
    failure: Failure | None = None
    #: For a key used again with other content: the message that has the key.
    conflicts_with: str | None = None
