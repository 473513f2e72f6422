"""The bodies of the send API as JSON Schema: what is asked for, and what is answered.

Limits come from where they are judged by (`schemas`); what acceptance judges beyond types is said here in the
words of JSON Schema, and a test sends both sides of each limit through acceptance.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from schemas.directory import E164_PATTERN
from schemas.provider import Fault, Provider
from schemas.public import AttemptOutcome, SettledBy
from schemas.requests import (
    MAX_KEY,
    MAX_MEDIA,
    MAX_TEXT,
    MAX_URL,
    MOMENT_PATTERN,
    NOT_BLANK_PATTERN,
    TEXT_PATTERN,
    UUID_PATTERN,
    ChannelBody,
    SendBody,
    SendRequest,
)
from schemas.status import CHANNEL_API, SEND_API, SENDING, State

REF: Final = "#/components/schemas/{model}"
#: A name with a dot that ends in letters. What else is public, such as numeric addresses, is taken too.
_URL: Final = (
    r"^https?://([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(:[1-9][0-9]{0,3})?"
    r"(/[A-Za-z0-9._~%/-]*)?(\?[A-Za-z0-9._~%/=&-]*)?$"
)
_ABOUT: Final[dict[str, dict[str, Any]]] = {
    "from_phone_number": {
        "pattern": E164_PATTERN,
        "description": "The sender, +E.164: a number that one of your assistants owns. `use_case_id` is "
        "refused here: `POST /v1/sms/` takes it.",
        "examples": ["+14155550123"],
    },
    "to_phone_number": {
        "pattern": E164_PATTERN,
        "description": "The recipient, +E.164.",
        "examples": ["+12025550143"],
    },
    "message": {
        "minLength": 1,
        "maxLength": MAX_TEXT,
        "pattern": TEXT_PATTERN,
        "description": "The text, which arrives unchanged. It may not be blank, nor hold NUL. Some providers "
        "take fewer segments than such a text may have (`text_too_long_for_provider`).",
        "examples": ["Your order #12345 has shipped!"],
    },
    "media_urls": {
        "description": "Pictures and files, which the provider fetches: public http or https URLs. "
        "The sender's number must take MMS.",
        "examples": [["https://media.example.com/image.jpg"]],
    },
    "queue": {
        "description": "False: goes before everything queued, and is answered with the provider's outcome.",
    },
    "idempotency_key": {
        "description": "One key, one message. The header `Idempotency-Key` goes over it.",
        "examples": ["order:12345:shipped"],
    },
    "valid_for": {
        "description": "Seconds within which it must be handed to the provider; then it fails as "
        "`expired` and is never sent late. Default: your organization's.",
    },
    "reference": {"description": "Yours: every status record of the message carries it."},
    "send_at": {
        "description": "Not before this moment, at most 48 hours ahead; one that has passed is now. "
        "`valid_for` counts from it.",
        "examples": ["2026-05-01T09:00:00Z"],
    },
    "dry_run": {"description": "Judge it, and say what would become of it: nothing is sent, no key is used."},
}
_CHANNEL: Final[dict[str, dict[str, Any]]] = {
    "use_case_id": {
        "pattern": UUID_PATTERN,
        "description": "The use case: one of its numbers is chosen. `from_phone_number` is refused here.",
        "examples": ["5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"],
    },
    **{name: about for name, about in _ABOUT.items() if name not in {"from_phone_number", "queue"}},
    "message": {
        **_ABOUT["message"],
        "description": "The text, which arrives unchanged. It may not be blank, nor hold NUL.",
    },
    "media_urls": {
        "description": "Pictures and files, which the provider fetches: public http or https URLs. "
        "Numbers that take MMS are chosen."
    },
    "valid_for": {
        "description": "Seconds within which it must be handed to the provider; then it fails as "
        "`expired` and is never sent late. Default: the use case's."
    },
}
#: What they say of a string that is not null.
_ITEMS: Final[dict[str, dict[str, Any]]] = {
    "media_urls": {
        "maxItems": MAX_MEDIA,
        "items": {"type": "string", "maxLength": MAX_URL, "pattern": _URL},
    },
    "idempotency_key": {"minLength": 1, "maxLength": MAX_KEY, "pattern": NOT_BLANK_PATTERN},
    "send_at": {"pattern": MOMENT_PATTERN},
}
_AT: Final = "2026-04-30T10:15:00.000Z"
_REDACTED: Final = (
    "Its organization keeps its texts to itself: text and media are shown to nobody, from the answer on."
)
_HELD: Final = (
    "It is held until then: as asked for, or by quiet hours, as they were known when it was accepted. What "
    "holds it only at its turn (other quiet hours, a used-up day cap) is not shown."
)
Iso = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=[_AT])]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Count = Annotated[int, Field(ge=0)]
Word = Annotated[str, Field(json_schema_extra={"enum": sorted({SENDING, *SEND_API.values()})})]
ChannelWord = Annotated[str, Field(json_schema_extra={"enum": sorted(set(CHANNEL_API.values()))})]
OurWord = Annotated[str, Field(json_schema_extra={"enum": [SENDING, *(state.value for state in State)]})]


class Answer(BaseModel):
    """An answer; its members stay, others may come beside them."""


class SendAnswer(Answer):
    """The message is Heliograph's to send, once: the broker has acknowledged it."""

    success: bool
    message_id: Uuid
    message: str
    provider: Provider
    status: Literal["queued", "sent", "failed"] = Field(
        description="With `queue: false` the provider's outcome; `failed` here is a cancel that was quicker."
    )
    num_segments: Count
    state: OurWord = Field(
        "queued",
        description="Ours, where it says more than `status`: of a `queue: false` send that is not over.",
    )
    send_at: Iso = Field(_AT, description=_HELD)


class DryRunAnswer(Answer):
    """What would become of a `dry_run`, as things are now. Nothing was sent, and no key was used."""

    success: Literal[True]
    dry_run: Literal[True]
    message: str
    from_number: str = Field(description="The sender that it would go out from.")
    to_number: str
    provider: Provider
    account: str
    reason: str = Field(description="Which rule chose the sender, and what it skipped.")
    num_segments: Count
    send_at: Iso | None = Field(description="It would be held until then.")
    valid_until: Iso = Field(description="It would be handed over until then, or fail as `expired`.")


class ChannelAnswer(Answer):
    """A message sent through a use case. Members from `state` on are ours."""

    id: Uuid
    use_case_id: Uuid
    message_sid: Annotated[str, Field(pattern="^SM[0-9a-f]{32}$")] = Field(
        description="Never changes, whichever provider has the message."
    )
    from_number: str | None = Field(description="Null until one of the use case's numbers is chosen.")
    to_number: str
    body: str
    num_segments: Count | None = Field(description="Null until it is handed off.")
    status: ChannelWord
    handed_off_at: Iso | None
    delivered_at: Iso | None
    errored_at: Iso | None
    error_code: int | None = Field(description="Of a failed or undelivered message: `docs/errors.md`.")
    created_at: Iso
    updated_at: Iso
    state: OurWord
    segments: Count
    media_urls: list[str]
    redacted: bool = Field(description=_REDACTED)
    send_at: Iso | None = Field(description=_HELD)
    reference: str | None
    provider: Provider | None
    provider_message_id: str | None
    failure_code: str | None = Field(description="Stable: `docs/errors.md`.")
    error: str | None = Field(description="Why, in one sentence.")


class StatusAnswer(Answer):
    """What became of a message. `state` is our finer word, which knows `delivered` and `undelivered`."""

    message_id: Uuid
    status: Word
    provider_message_id: str | None
    error: str | None
    updated_at: Iso
    state: OurWord
    num_segments: Count
    send_at: Iso | None = Field(description=_HELD)


class CancelAnswer(Answer):
    """Whether the message is cancelled: then it was not sent and never will be. Else what it is already."""

    success: bool
    message_id: Uuid
    message: str
    previous_status: Word
    new_status: Literal["cancelled"] | None
    state: OurWord


class QueueFigures(Answer):
    """The figures of one provider."""

    pending: Count = Field(description="Accepted, not yet in the provider's hands.")
    active: Count = Field(description="In the provider's hands, its answer not known yet.")
    failed: Count = Field(description="Failed or undelivered in the last 24 hours.")
    oldest_pending_seconds: Annotated[float, Field(ge=0)] | None = Field(
        description="How long the oldest pending one has waited."
    )


class QueueStats(Answer):
    """Your organization's figures, by provider: all of them, or the one that is asked for."""

    timestamp: Iso
    queues: dict[Provider, QueueFigures]


class FailureAnswer(Answer):
    """Why a message did not arrive."""

    code: str = Field(description="Stable: `docs/errors.md`.")
    detail: str
    provider_code: str | None
    fault: Fault | None


class StepAnswer(Answer):
    """A state that the message has been in, and since when."""

    status: State
    at: Iso
    settled_by: Annotated[
        SettledBy | None,
        Field(
            description="What settled it, where the state before was `unknown`: the provider's `receipt`; "
            "the provider when it was `asked`; its late `answer`; or the owner's `policy`."
        ),
    ]


class AttemptAnswer(Answer):
    """One attempt at a hand-over to a provider, and what came of it."""

    number: Annotated[int, Field(ge=1)]
    at: Iso
    provider: Provider
    account: str
    sender: str
    outcome: AttemptOutcome
    provider_message_id: str | None
    provider_code: str | None
    fault: Fault | None
    detail: str | None


class MessageAnswer(Answer):
    """Everything that is known of a message."""

    message_id: Uuid
    status: Word
    state: OurWord
    use_case_id: Uuid | None = Field(description="The use case that it goes through, where it does.")
    from_phone_number: str | None = Field(description="Null until one of the use case's is chosen.")
    to_phone_number: str
    message: str
    media_urls: list[str]
    redacted: bool = Field(description=_REDACTED)
    num_segments: Count
    reference: str | None
    provider: Provider | None
    account: str | None
    sender: str | None = Field(description="The number that it goes out from, once chosen.")
    provider_message_id: str | None
    error: str | None
    failure: FailureAnswer | None
    send_at: Iso | None = Field(description=_HELD)
    accepted_at: Iso
    updated_at: Iso
    history: list[StepAnswer]
    attempts: list[AttemptAnswer]
    reason: str | None = Field(description="Why this sender and provider were chosen.")
    conflicts_with: str | None = Field(
        description="The message that has the idempotency key, where it was used."
    )


class Health(Answer):
    """Whether the service may be sent requests, and what it looked at."""

    status: Literal["ok", "not ready"]
    checks: dict[str, str] = Field({}, description="A word or two for each part that it needs.")


def send_request() -> dict[str, Any]:
    """The body of `POST /sms/send`: the fields of `SendBody` that REST callers have."""
    return _body(SendBody, "A message to send.", _ABOUT)


def channel_request() -> dict[str, Any]:
    """The body of `POST /v1/sms/`: the fields of `ChannelBody`."""
    return _body(ChannelBody, "A message to send through a use case.", _CHANNEL)


def _body(model: type[SendRequest], about: str, fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {
        "type": "object",
        "description": about,
        "properties": {name: _field(schema["properties"][name], fields[name], name) for name in fields},
        "required": schema["required"],
    }


def components() -> dict[str, Any]:
    """All answers, by name."""
    answers = (
        SendAnswer, DryRunAnswer, StatusAnswer, CancelAnswer, QueueStats, MessageAnswer, ChannelAnswer,
        Health,
    )  # fmt: skip
    _, schema = models_json_schema([(answer, "serialization") for answer in answers], ref_template=REF)
    return {name: untitled(found) for name, found in schema["$defs"].items()}


def _field(schema: dict[str, Any], about: dict[str, Any], name: str) -> dict[str, Any]:
    found = {key: value for key, value in schema.items() if key != "title"} | about
    for choice in found.get("anyOf", ()):
        if choice["type"] != "null":
            choice.update(_ITEMS.get(name, {}))
    return found


def untitled(schema: Any) -> Any:
    """Without the titles that pydantic makes of names."""
    if isinstance(schema, dict):
        return {
            key: untitled(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [untitled(item) for item in schema] if isinstance(schema, list) else schema
