"""What callers and producers ask for: one body, over REST and on `sms.requests.v1` alike."""

import json
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field, Strict

from schemas import ids
from schemas.base import Record

#: The longest text, in characters, that the send API takes.
MAX_TEXT: Final = 1600
#: The longest idempotency key, in characters.
MAX_KEY: Final = 256
#: The longest that a message may wait to be handed over, in seconds.
MAX_VALID_FOR: Final = 48 * 3600
#: The most media of one message: what Twilio and Telnyx take (docs/providers.md); Vonage publishes no limit.
MAX_MEDIA: Final = 10


def _whole(value: object) -> object:
    """JSON has one kind of number: 60.0 is the integer 60 there."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_SECONDS: Final = Field(strict=True, ge=1, le=MAX_VALID_FOR)


class SendRequest(Record):
    """The body of `POST /sms/send` (docs/ingress.md), and the value of a request record.

    Lengths and formats are judged by acceptance, which answers with a sentence; here only the types are.
    They are JSON's own: `"false"` is no boolean, for nobody knows what else it was meant to be.
    """

    type: Literal["sms.request.v1"] = "sms.request.v1"
    #: A number that an assistant of the organization owns, +E.164. This or `use_case_id`, not both.
    from_phone_number: str | None = None
    #: A use case of the organization: the platform chooses one of its numbers.
    use_case_id: UUID | None = None
    #: The recipient, +E.164.
    to_phone_number: str
    #: The text, 1 to 1600 characters.
    message: str
    #: Pictures and files of an MMS: http(s) URLs that the provider fetches.
    media_urls: tuple[str, ...] | None = None
    #: True: with the queue's pacing. False: before all queued ones.
    queue: Annotated[bool, Strict()] = True
    #: The same key and content is the same message, for at least 24 h.
    idempotency_key: Annotated[str, Field(max_length=MAX_KEY)] | None = None
    #: Not before this moment, at most 48 hours ahead: ISO 8601 with its offset. `valid_for` counts from it.
    send_at: AwareDatetime | None = None
    #: Seconds after acceptance within which it must be handed over; then it fails as `expired`.
    #: None: as the organization's directory entry, else `HELIO_MESSAGES__VALIDITY_SECONDS`, says.
    valid_for: Annotated[int, _SECONDS, BeforeValidator(_whole)] | None = None
    #: Carried to every status record of the message.
    reference: Annotated[str, Field(max_length=256)] | None = None
    #: On a topic whose producers are trusted (`HELIO_INTAKE__TRUSTED`): on whose behalf. Else ignored.
    organization: str | None = None


_CONTENT: Final = {
    "from_phone_number", "use_case_id", "to_phone_number", "message", "media_urls", "queue", "send_at",
    "valid_for",
}  # fmt: skip


def fingerprint(request: SendRequest) -> str:
    """A versioned digest of what is asked for, by which a repeat is told from a conflict.

    Only fields that differ from their defaults count, in a fixed order, so that neither field order nor
    white space nor an omitted default makes a conflict. Key and reference do not count.
    """
    content = request.model_dump(
        include=_CONTENT,
        mode="json",
        exclude_defaults=True,
    )
    if not content.get("media_urls"):
        content.pop("media_urls", None)
    return "1:" + ids.digest(json.dumps(content, sort_keys=True, ensure_ascii=True))
