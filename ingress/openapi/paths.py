"""The operations of the REST door: what each takes, and everything that it answers, with examples."""

from typing import Any, Final

from ingress.codes import Code
from ingress.openapi import errors
from ingress.openapi.errors import KEYED, MESSAGE_ID
from ingress.openapi.shapes import HEADER_KEY, REF, send_request
from schemas.provider import Provider
from schemas.requests import MAX_KEY

_SENDS: Final = "Messages"
_HEALTH: Final = "Health"
_AT: Final = "2026-04-30T10:15:00Z"
_MILLIS: Final = "2026-04-30T10:15:00.000Z"
_BODY: Final = {
    "from_phone_number": "+14155550123",
    "to_phone_number": "+12025550143",
    "message": "Your order #12345 has shipped!",
}
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
_IDENTITY: Final = {"message_id": MESSAGE_ID}
_STATUS: Final = {
    **_IDENTITY,
    "status": "sent",
    "provider_message_id": "SM1234567890abcdef",
    "error": None,
    "updated_at": _AT,
    "state": "delivered",
    "num_segments": 1,
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
    with_all = {
        **_BODY,
        "media_urls": ["https://media.example.com/image.jpg"],
        "queue": False,
        "idempotency_key": "order:12345:shipped",
        "valid_for": 3600,
        "reference": "order-12345",
    }
    answer = {
        "success": True,
        **_IDENTITY,
        "message": "SMS queued successfully via telnyx",
        "provider": "telnyx",
        "status": "queued",
        "num_segments": 1,
    }
    replayed = {
        "Idempotent-Replayed": {
            "schema": {"const": "true"},
            "description": "The key was used before with the same content: this is what was answered then.",
        }
    }
    answers = {
        "queued": answer,
        "sent": {**answer, "message": "SMS sent successfully via telnyx", "status": "sent"},
        "late": {
            **answer,
            "message": "SMS queued via telnyx; handed to telnyx, whose answer is not known yet",
            "state": "sending",
        },
        "cancelled": {
            **answer,
            "success": False,
            "message": "SMS was cancelled before it was sent",
            "status": "failed",
            "state": "cancelled",
        },
    }
    return {
        **_about("send", "Send a message", _SENDS),
        "description": "The answer `queued` is given once the broker has acknowledged the message. With "
        "`queue: false` it is the provider's outcome, or, where that takes too long, how far it has got.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": HEADER_KEY},
                "description": 'Goes over `idempotency_key`. Quoted (`"abc"`) and bare are the same key.',
                "example": "order:12345:shipped",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": send_request(),
                    "examples": {
                        "basic": {"summary": "Text only", "value": _BODY},
                        "all": {"summary": "With all options", "value": with_all},
                    },
                }
            },
        },
        "responses": {
            "200": {
                **_json("It is Heliograph's to send, once.", "SendAnswer", answers),
                "headers": replayed,
                "links": _LINKS,
            },
            **errors.responses((*_REFUSED, *KEYED)),
        },
    }


_LINKS: Final = {
    name: {"operationId": name, "parameters": {"message_id": "$response.body#/message_id"}}
    for name in ("status", "message", "cancel")
}


def _status() -> dict[str, Any]:
    queued = {**_STATUS, "status": "queued", "state": "queued", "provider_message_id": None}
    failed = {
        **_STATUS,
        "status": "failed",
        "state": "undelivered",
        "error": "The handset did not get it: unreachable",
    }
    return {
        **_about("status", "What became of a message", _SENDS),
        "responses": {
            "200": {
                **_json(
                    "Its status.", "StatusAnswer", {"delivered": _STATUS, "queued": queued, "failed": failed}
                ),
                "headers": _FRESH,
            },
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _message() -> dict[str, Any]:
    attempt = {
        "number": 1,
        "at": _MILLIS,
        "provider": "telnyx",
        "account": "telnyx-main",
        "sender": _BODY["from_phone_number"],
        "outcome": "accepted",
        "provider_message_id": "403171ae-7e1c-4a3b-9d4f-0f6a0a7e6d11",
        "provider_code": None,
        "fault": None,
        "detail": None,
    }
    found = {
        **_IDENTITY,
        "status": "sent",
        "state": "delivered",
        "from_phone_number": _BODY["from_phone_number"],
        "to_phone_number": _BODY["to_phone_number"],
        "message": _BODY["message"],
        "media_urls": [],
        "num_segments": 1,
        "reference": "order-12345",
        "provider": "telnyx",
        "account": "telnyx-main",
        "sender": _BODY["from_phone_number"],
        "provider_message_id": attempt["provider_message_id"],
        "error": None,
        "failure": None,
        "accepted_at": _MILLIS,
        "updated_at": _MILLIS,
        "history": [{"status": state, "at": _MILLIS} for state in ("queued", "sent", "delivered")],
        "attempts": [attempt],
        "reason": "from_phone_number names the sender",
        "conflicts_with": None,
    }
    said = {"code": "30003", "fault": "recipient", "detail": "Unreachable destination handset"}
    refused = {
        **attempt,
        "outcome": "rejected",
        "provider_message_id": None,
        "provider_code": said["code"],
        "fault": said["fault"],
        "detail": said["detail"],
    }
    failed = {
        **found,
        "status": "failed",
        "state": "failed",
        "provider_message_id": None,
        "error": said["detail"],
        "failure": {
            "code": "rejected",
            "detail": said["detail"],
            "provider_code": said["code"],
            "fault": said["fault"],
        },
        "history": [{"status": state, "at": _MILLIS} for state in ("queued", "failed")],
        "attempts": [refused],
    }
    return {
        **_about("message", "Everything that is known of a message", _SENDS),
        "responses": {
            "200": {
                **_json("The whole record.", "MessageAnswer", {"delivered": found, "failed": failed}),
                "headers": _FRESH,
            },
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _cancel() -> dict[str, Any]:
    done = {
        "success": True,
        **_IDENTITY,
        "message": "SMS cancelled successfully",
        "previous_status": "queued",
        "new_status": "cancelled",
        "state": "cancelled",
    }
    late = {
        **done,
        "success": False,
        "message": "Message is already sending",
        "previous_status": "sending",
        "new_status": None,
        "state": "sending",
    }
    codes = (*KEYED, Code.MESSAGE_NOT_FOUND, Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE)
    return {
        **_about("cancel", "Cancel a message that is still queued", _SENDS),
        "description": "It is decided once: cancelled is never sent. The message stays to be read.",
        "responses": {
            "200": _json("Whether it is cancelled.", "CancelAnswer", {"cancelled": done, "late": late}),
            **errors.responses(codes),
        },
    }


def _stats() -> dict[str, Any]:
    none = {"pending": 0, "active": 0, "failed": 0, "oldest_pending_seconds": None}
    some = {"pending": 2, "active": 1, "failed": 0, "oldest_pending_seconds": 0.75}
    everybody = {provider.value: none for provider in Provider} | {"twilio": some}
    return {
        **_about("queues", "How much waits, by provider", _SENDS),
        "parameters": [
            {
                "name": "provider",
                "in": "query",
                "schema": {"$ref": REF.format(model="Provider")},
                "description": "Only this one's.",
                "example": "twilio",
            }
        ],
        "responses": {
            "200": {
                **_json(
                    "Your organization's figures.",
                    "QueueStats",
                    {
                        "all": {"timestamp": _AT, "queues": everybody},
                        "one": {"timestamp": _AT, "queues": {"twilio": some}},
                    },
                ),
                "headers": _FRESH,
            },
            **errors.responses((*KEYED, Code.INVALID_FIELD, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _livez() -> dict[str, Any]:
    return {
        **_about("livez", "Whether the process runs", _HEALTH, open_to_all=True),
        "responses": {"200": _json("It runs.", "Health", {"ok": {"status": "ok"}})},
    }


def _readyz() -> dict[str, Any]:
    ready = {"status": "ok", "checks": {"directory": "ok", "broker": "ok", "ledger": "ok"}}
    away = {"status": "not ready", "checks": {**ready["checks"], "broker": "no broker"}}  # type: ignore[dict-item]
    return {
        **_about("readyz", "Whether it may be sent requests", _HEALTH, open_to_all=True),
        "responses": {
            "200": _json("It may.", "Health", {"ready": ready}),
            "503": _json("It may not.", "Health", {"broker_away": away}),
        },
    }


def _metrics() -> dict[str, Any]:
    shown = '# TYPE helio_ingress_sends_total counter\nhelio_ingress_sends_total{outcome="queued"} 7.0\n'
    return {
        **_about("metrics", "Figures for Prometheus", _HEALTH, open_to_all=True),
        "responses": {
            "200": {
                "description": "In the text format of Prometheus.",
                "content": {"text/plain": {"schema": {"type": "string"}, "example": shown}},
            }
        },
    }


def _about(name: str, summary: str, tag: str, *, open_to_all: bool = False) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "security": [] if open_to_all else [{"bearer": []}],
    }


def _json(description: str, model: str, examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": REF.format(model=model)},
                "examples": {name: {"value": value} for name, value in examples.items()},
            }
        },
    }
