"""What callers and producers ask for: over REST and on `sms.requests.v1` alike."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from schemas import ids
from schemas.base import Body, Record

#: The longest text, in characters, that the send API takes.
MAX_TEXT: Final = 1600
#: The longest idempotency key, in characters.
MAX_KEY: Final = 256
#: An `Idempotency-Key` header: Latin-1, as HTTP carries it, not of quotation marks and white space alone.
HEADER_KEY: Final = r"^[\x20-\x7e\x80-\xff]*[!#-~\xa1-\xff][\x20-\x7e\x80-\xff]*$"
#: The longest that a message may wait to be handed over, in seconds.
MAX_VALID_FOR: Final = 48 * 3600
#: How far ahead of its acceptance a message may be scheduled, in seconds.
MAX_AHEAD: Final = 48 * 3600
#: All that `str.isspace` knows: a text of nothing else is blank.
_SPACES: Final = r"\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
#: What acceptance asks of an idempotency key, as JSON Schema says it.
NOT_BLANK_PATTERN: Final = rf"[^{_SPACES}]"
#: What acceptance asks of a text: neither blank nor with NUL.
TEXT_PATTERN: Final = rf"^[^\x00]*[^\x00{_SPACES}][^\x00]*$"
#: The longest URL of a medium, in characters.
MAX_URL: Final = 2048
#: The most media of one message: what Twilio and Telnyx take (docs/providers.md); Vonage publishes no limit.
MAX_MEDIA: Final = 10
#: The largest value of a record on a request topic.
LARGEST_BYTES: Final = 256 * 1024


def _whole(value: object) -> object:
    """JSON has one kind of number: 60.0 is the integer 60 there."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_SECONDS: Final = Field(strict=True, ge=1, le=MAX_VALID_FOR)
#: A date-time of RFC 3339, of this century. What else pydantic reads as a moment, such as "1700000000", may
#: be a slip.
MOMENT_PATTERN: Final = (
    r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
_MOMENT: Final = re.compile(MOMENT_PATTERN.replace("$", r"\Z"))


def _written(value: object) -> object:
    if not isinstance(value, datetime) and not (isinstance(value, str) and _MOMENT.match(value)):
        raise PydanticCustomError(
            "moment", "Input should be a date-time with its offset, such as 2026-05-01T09:00:00Z"
        )
    return value


def _in_utc(value: datetime) -> datetime:
    """The same moment is the same content, however it is written."""
    return value.astimezone(UTC)


#: A UUID as RFC 9562 writes it. Pydantic also reads `urn:uuid:`, braces, and no hyphens at all.
UUID_PATTERN: Final = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_UUID: Final = re.compile(UUID_PATTERN.replace("$", r"\Z"))


def _spelled(value: object) -> object:
    if isinstance(value, str) and not _UUID.match(value):
        raise PydanticCustomError("spelling", "Input should be a UUID in 8-4-4-4-12 format")
    return value


UseCaseId = Annotated[UUID, BeforeValidator(_spelled)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]


class SendRequest(Record):
    """The value of a request record, and what acceptance judges of either door (docs/ingress.md).

    Lengths and formats are judged by acceptance, which answers with a sentence; here only the types are.
    They are JSON's own: `"false"` is no boolean, for nobody knows what else it was meant to be.
    """

    #: What this record is, and its version. May be left out.
    type: Literal["sms.request.v1"] = "sms.request.v1"
    #: A number that an assistant of the organization owns, +E.164. This or `use_case_id`, not both.
    from_phone_number: str | None = None
    #: A use case of the organization: the platform chooses one of its numbers.
    use_case_id: UseCaseId | None = None
    #: The recipient, +E.164.
    to_phone_number: str
    #: The text, 1 to 1600 characters.
    message: Body
    # It stops at the first that is none: a record may be full of them, and to tell of all takes a second.
    #: Pictures and files of an MMS: http(s) URLs that the provider fetches.
    media_urls: Annotated[tuple[str, ...], Field(fail_fast=True)] | None = Field(default=None, repr=False)
    #: True: with the queue's pacing. False: before all queued ones.
    queue: Annotated[bool, Strict()] = True
    #: The same key and content is the same message, for at least 24 h.
    idempotency_key: Annotated[str, Field(max_length=MAX_KEY)] | None = None
    #: Not before this moment, at most 48 hours ahead: RFC 3339 with its offset. `valid_for` counts from it.
    send_at: Moment | None = None
    #: Seconds after acceptance within which it must be handed over; then it fails as `expired`.
    #: None: as the use case or the organization says, else as `HELIO_MESSAGES__VALIDITY_SECONDS`.
    valid_for: Annotated[int, _SECONDS, BeforeValidator(_whole)] | None = None
    #: Carried to every status record of the message.
    reference: Annotated[str, Field(max_length=256)] | None = None
    #: Judge it, and say what would become of it; send nothing. Only REST can answer that.
    dry_run: Annotated[bool, Strict()] = False
    #: On a topic whose producers are trusted (`HELIO_INTAKE__TRUSTED`): on whose behalf. Else ignored.
    organization: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.from_phone_number is None) == (self.use_case_id is None):
            raise PydanticCustomError(
                "names_one", "one of from_phone_number and use_case_id is asked for, and not both"
            )
        return self


class SendBody(SendRequest):
    """The body of `POST /sms/send`: it names its sender."""

    from_phone_number: str
    use_case_id: None = None


class ChannelBody(SendRequest):
    """The body of `POST /v1/sms/`: the platform chooses the sender. All of it is queued."""

    from_phone_number: None = None
    use_case_id: UseCaseId
    queue: Literal[True] = True


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
