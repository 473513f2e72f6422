"""The operations of the REST door: what each takes, and everything that it answers, with examples."""

from typing import Any, Final

from ingress.codes import Code
from ingress.openapi import errors, examples
from ingress.openapi.errors import KEYED, MESSAGE_ID
from ingress.openapi.shapes import HEADER_KEY, REF, send_request
from schemas.requests import MAX_KEY

_SENDS: Final = "Messages"
_HEALTH: Final = "Health"
_REFUSED: Final = (
    Code.MALFORMED_JSON, Code.MISSING_FIELD, Code.INVALID_FIELD, Code.INVALID_SENDER, Code.INVALID_RECIPIENT,
    Code.EMPTY_MESSAGE, Code.MESSAGE_TOO_LONG, Code.TEXT_TOO_LONG_FOR_PROVIDER, Code.NUL_IN_MESSAGE,
    Code.INVALID_MEDIA_URL, Code.PRIVATE_MEDIA_URL, Code.TOO_MANY_MEDIA, Code.INVALID_IDEMPOTENCY_KEY,
    Code.SMS_NOT_SUPPORTED, Code.MEDIA_NOT_SUPPORTED, Code.WRONG_ORGANIZATION, Code.SENDER_SUSPENDED,
    Code.ASSISTANT_SUSPENDED, Code.ACCOUNT_UNAVAILABLE, Code.SENDER_NOT_FOUND, Code.CONFLICT, Code.IN_FLIGHT,
    Code.BODY_TOO_LARGE, Code.SEND_FAILED, Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE,
)  # fmt: skip
_MESSAGE_ID: Final = {
    "name": "message_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "As `POST /sms/send` answered it.",
    "example": MESSAGE_ID,
}
_FRESH: Final = {
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}, "description": "It changes."}
}
_LINKS: Final = {
    name: {"operationId": name, "parameters": {"message_id": "$response.body#/message_id"}}
    for name in ("status", "message", "cancel")
}
_REPLAYED: Final = {
    "Idempotent-Replayed": {
        "schema": {"const": "true"},
        "description": "The key was used before with the same content: this is what was answered then.",
    }
}


def paths() -> dict[str, Any]:
    """Every path that is served, but for this document and the pages that show it."""
    return {
        "/sms/send": {"post": _send()},
        "/sms/queue/stats": {"get": _stats()},
        "/sms/{message_id}": {"parameters": [_MESSAGE_ID], "get": _message(), "delete": _cancel()},
        "/sms/{message_id}/status": {"parameters": [_MESSAGE_ID], "get": _status()},
        "/livez": {"get": _livez()},
        "/readyz": {"get": _readyz()},
        "/metrics": {"get": _metrics()},
    }


def _send() -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": HEADER_KEY},
        "description": "Goes over `idempotency_key`. "
        'Quoted (`"abc"`) and bare are the same key; different ones are refused.',
        "example": "order:12345:shipped",
    }
    bodies = {
        "basic": {"summary": "Text only", "value": examples.BASIC},
        "all": {"summary": "With all options", "value": examples.ALL_OPTIONS},
    }
    answer = _json("It is Heliograph's to send, once.", "SendAnswer", examples.SENT)
    return {
        **_about("send", "Send a message", _SENDS),
        "description": "The answer `queued` is given once the broker has acknowledged the message. With "
        "`queue: false` it is the provider's outcome, or, where that takes too long, how far it has got.",
        "parameters": [key],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": send_request(), "examples": bodies}},
        },
        "responses": {
            "200": {**answer, "headers": _REPLAYED, "links": _LINKS},
            **errors.responses((*_REFUSED, *KEYED)),
        },
    }


def _status() -> dict[str, Any]:
    return {
        **_about("status", "What became of a message", _SENDS),
        "responses": {
            "200": {**_json("Its status.", "StatusAnswer", examples.STATUS), "headers": _FRESH},
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _message() -> dict[str, Any]:
    return {
        **_about("message", "Everything that is known of a message", _SENDS),
        "responses": {
            "200": {**_json("The whole record.", "MessageAnswer", examples.RECORD), "headers": _FRESH},
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _cancel() -> dict[str, Any]:
    codes = (*KEYED, Code.MESSAGE_NOT_FOUND, Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE)
    return {
        **_about("cancel", "Cancel a message that is still queued", _SENDS),
        "description": "It is decided once: cancelled is never sent. The message stays to be read.",
        "responses": {
            "200": {**_json("Whether it is cancelled.", "CancelAnswer", examples.CANCEL), "headers": _FRESH},
            **errors.responses(codes),
        },
    }


def _stats() -> dict[str, Any]:
    provider = {
        "name": "provider",
        "in": "query",
        "schema": {"$ref": REF.format(model="Provider")},
        "description": "Only this one's.",
        "example": "twilio",
    }
    return {
        **_about("queues", "How much waits, by provider", _SENDS),
        "parameters": [provider],
        "responses": {
            "200": {**_json("Your organization's figures.", "QueueStats", examples.STATS), "headers": _FRESH},
            **errors.responses((*KEYED, Code.INVALID_FIELD, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _livez() -> dict[str, Any]:
    return {
        **_about("livez", "Whether the process runs", _HEALTH, open_to_all=True),
        "responses": {"200": _json("It runs.", "Health", examples.LIVE)},
    }


def _readyz() -> dict[str, Any]:
    return {
        **_about("readyz", "Whether it may be sent requests", _HEALTH, open_to_all=True),
        "responses": {
            "200": _json("It may.", "Health", examples.READY),
            "503": _json("It may not.", "Health", examples.NOT_READY),
        },
    }


def _metrics() -> dict[str, Any]:
    shown = {"schema": {"type": "string"}, "example": examples.METRICS}
    return {
        **_about("metrics", "Figures for Prometheus", _HEALTH, open_to_all=True),
        "responses": {
            "200": {"description": "In the text format of Prometheus.", "content": {"text/plain": shown}}
        },
    }


def _about(name: str, summary: str, tag: str, *, open_to_all: bool = False) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "security": [] if open_to_all else [{"bearer": []}],
    }


def _json(description: str, model: str, shown: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": REF.format(model=model)},
                "examples": {name: {"value": value} for name, value in shown.items()},
            }
        },
    }
