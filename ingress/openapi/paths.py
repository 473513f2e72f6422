"""The operations of the REST door: what each takes, and everything that it answers, with examples."""

from typing import Any, Final

from ingress.codes import Code
from ingress.openapi import admin, channel, errors, examples, optouts
from ingress.openapi.errors import KEYED, MESSAGE_ID
from ingress.openapi.parts import FRESH, KEY, REPLAYED, about, shows
from ingress.openapi.shapes import REF, send_request

_SENDS: Final = "Messages"
_HEALTH: Final = "Health"
_REFUSED: Final = (
    Code.MALFORMED_JSON, Code.MISSING_FIELD, Code.INVALID_FIELD, Code.INVALID_SENDER, Code.INVALID_RECIPIENT,
    Code.EMPTY_MESSAGE, Code.MESSAGE_TOO_LONG, Code.TEXT_TOO_LONG_FOR_PROVIDER, Code.NUL_IN_MESSAGE,
    Code.INVALID_MEDIA_URL, Code.PRIVATE_MEDIA_URL, Code.TOO_MANY_MEDIA, Code.INVALID_IDEMPOTENCY_KEY,
    Code.SMS_NOT_SUPPORTED, Code.MEDIA_NOT_SUPPORTED, Code.WRONG_ORGANIZATION, Code.SENDER_SUSPENDED,
    Code.ASSISTANT_SUSPENDED, Code.ACCOUNT_UNAVAILABLE, Code.SENDER_NOT_FOUND, Code.CONFLICT, Code.IN_FLIGHT,
    Code.BODY_TOO_LARGE, Code.OPTED_OUT, Code.SEND_FAILED, Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE,
)  # fmt: skip
_MESSAGE_ID: Final = {
    "name": "message_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "As `POST /sms/send` answered it.",
    "example": MESSAGE_ID,
}
_LINKS: Final = {
    name: {"operationId": name, "parameters": {"message_id": "$response.body#/message_id"}}
    for name in ("status", "message", "cancel")
}


def paths() -> dict[str, Any]:
    """Every path that is served, but for this document and the pages that show it."""
    return {
        "/sms/send": {"post": _send()},
        **channel.paths(),
        **optouts.paths(),
        **admin.paths(),
        "/sms/queue/stats": {"get": _stats()},
        "/sms/{message_id}": {"parameters": [_MESSAGE_ID], "get": _message(), "delete": _cancel()},
        "/sms/{message_id}/status": {"parameters": [_MESSAGE_ID], "get": _status()},
        "/livez": {"get": _livez()},
        "/readyz": {"get": _readyz()},
        "/metrics": {"get": _metrics()},
    }


def _send() -> dict[str, Any]:
    bodies = {
        "basic": {"summary": "Text only", "value": examples.BASIC},
        "all": {"summary": "With all options", "value": examples.ALL_OPTIONS},
        "scheduled": {"summary": "For later", "value": examples.SCHEDULED},
    }
    answer = shows(
        "It is Heliograph's to send, once; or what would become of a `dry_run`.",
        ("SendAnswer", "DryRunAnswer"),
        examples.SENT | examples.DRY_RUN,
    )
    return {
        **about("send", "Send a message", _SENDS),
        "description": "The answer `queued` is given once the broker has acknowledged the message. With "
        "`queue: false` it is the provider's outcome, or, where that takes too long, how far it has got.",
        "parameters": [KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": send_request(), "examples": bodies}},
        },
        "responses": {
            "200": {**answer, "headers": REPLAYED, "links": _LINKS},
            **errors.responses((*_REFUSED, *KEYED)),
        },
    }


def _status() -> dict[str, Any]:
    return {
        **about("status", "What became of a message", _SENDS),
        "responses": {
            "200": {**shows("Its status.", "StatusAnswer", examples.STATUS), "headers": FRESH},
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _message() -> dict[str, Any]:
    return {
        **about("message", "Everything that is known of a message", _SENDS),
        "responses": {
            "200": {**shows("The whole record.", "MessageAnswer", examples.RECORD), "headers": FRESH},
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _cancel() -> dict[str, Any]:
    codes = (*KEYED, Code.MESSAGE_NOT_FOUND, Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE)
    return {
        **about("cancel", "Cancel a message that is still queued", _SENDS),
        "description": "It is decided once: cancelled is never sent. The message stays to be read.",
        "responses": {
            "200": {**shows("Whether it is cancelled.", "CancelAnswer", examples.CANCEL), "headers": FRESH},
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
        **about("queues", "How much waits, by provider", _SENDS),
        "parameters": [provider],
        "responses": {
            "200": {**shows("Your organization's figures.", "QueueStats", examples.STATS), "headers": FRESH},
            **errors.responses((*KEYED, Code.INVALID_FIELD, Code.LEDGER_UNAVAILABLE)),
        },
    }


def _livez() -> dict[str, Any]:
    return {
        **about("livez", "Whether the process runs", _HEALTH, open_to_all=True),
        "responses": {"200": shows("It runs.", "Health", examples.LIVE)},
    }


def _readyz() -> dict[str, Any]:
    return {
        **about("readyz", "Whether it may be sent requests", _HEALTH, open_to_all=True),
        "responses": {
            "200": shows("It may.", "Health", examples.READY),
            "503": shows("It may not.", "Health", examples.NOT_READY),
        },
    }


def _metrics() -> dict[str, Any]:
    shown = {"schema": {"type": "string"}, "example": examples.METRICS}
    return {
        **about("metrics", "Figures for Prometheus", _HEALTH, open_to_all=True),
        "responses": {
            "200": {"description": "In the text format of Prometheus.", "content": {"text/plain": shown}}
        },
    }
