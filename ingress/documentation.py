"""What the OpenAPI document says of the routes, which read and write JSON by themselves."""

from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from schemas.directory import E164_PATTERN
from schemas.provider import Provider
from schemas.requests import MAX_KEY, MAX_MEDIA, MAX_TEXT, SendRequest

_E164: Final = {"pattern": E164_PATTERN, "examples": ["+14155550123"]}
#: What acceptance judges beyond types, said in the words of JSON Schema.
_LIMITS: Final[dict[str, dict[str, Any]]] = {
    "from_phone_number": {**_E164, "description": "Sender: a number that one of your assistants owns."},
    "to_phone_number": {**_E164, "description": "Recipient, in E.164 format."},
    "message": {"minLength": 1, "maxLength": MAX_TEXT, "description": "The text. It may not be blank."},
    "media_urls": {"description": f"At most {MAX_MEDIA} http or https URLs; the number must take MMS."},
    "queue": {"description": "False goes before everything queued."},
    "idempotency_key": {"description": "One key, one message. The `Idempotency-Key` header goes before it."},
    "reference": {"description": "Yours: carried to every status record of the message."},
}


class SendAnswer(BaseModel):
    """The message is acknowledged by the broker and will be sent once."""

    success: bool
    message_id: str
    message: str = Field(examples=["SMS queued successfully via telnyx"])
    provider: Provider
    status: Literal["queued"]


class StatusAnswer(BaseModel):
    """What is known of a message. `state` is Heliograph's own, finer word beside `status`."""

    message_id: str
    status: Literal["queued", "sending", "sent", "failed", "cancelled"]
    provider_message_id: str | None
    error: str | None
    updated_at: str = Field(examples=["2026-04-30T10:15:00Z"])
    state: Literal["queued", "sending", "unknown", "sent", "delivered", "undelivered", "failed", "cancelled"]


class Error(BaseModel):
    """Every error: a sentence, and a stable code (docs/errors.md)."""

    detail: str
    code: str
    message_id: str | None = Field(None, description="With 422 and 503: the message that it is about.")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route."""
    return {status: {"model": Error} for status in statuses}


def send_operation() -> dict[str, Any]:
    """Body, header and security of `POST /sms/send`."""
    schema = SendRequest.model_json_schema()
    properties = {
        name: {key: value for key, value in found.items() if key != "title"} | _LIMITS[name]
        for name, found in schema["properties"].items()
        if name in _LIMITS
    }
    body = {"type": "object", "properties": properties, "required": schema["required"]}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
                "description": "Quoted or bare.",
            }
        ],
        "security": [{"bearer": []}],
    }


def status_operation() -> dict[str, Any]:
    """Path and security of `GET /sms/{message_id}/status`."""
    return {
        "parameters": [
            {"name": "message_id", "in": "path", "required": True, "schema": {"type": "string"}},
        ],
        "security": [{"bearer": []}],
    }


SECURITY: Final = {"bearer": {"type": "http", "scheme": "bearer"}}
