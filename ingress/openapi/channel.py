"""The operations of the channel API: sends through use cases."""

from typing import Any, Final

from ingress.codes import STATUS, Code
from ingress.openapi import errors, examples
from ingress.openapi.errors import KEYED, MESSAGE_ID
from ingress.openapi.parts import FRESH, KEY, REPLAYED, about, shows
from ingress.openapi.shapes import channel_request

_TAG: Final = "Use cases"
_REFUSED: Final = (
    Code.MALFORMED_JSON, Code.MISSING_FIELD, Code.INVALID_FIELD, Code.INVALID_RECIPIENT, Code.EMPTY_MESSAGE,
    Code.MESSAGE_TOO_LONG, Code.NUL_IN_MESSAGE, Code.INVALID_MEDIA_URL, Code.PRIVATE_MEDIA_URL,
    Code.TOO_MANY_MEDIA, Code.INVALID_IDEMPOTENCY_KEY, Code.USE_CASE_NOT_FOUND, Code.USE_CASE_SUSPENDED,
    Code.NO_SENDER, Code.NOT_A_NUMBER, Code.LANDLINE, Code.OPTED_OUT, Code.REGION_NOT_PERMITTED,
    Code.BRAND_SUSPENDED, Code.CAMPAIGN_NOT_VERIFIED, Code.NO_USABLE_SENDER, Code.CONFLICT, Code.IN_FLIGHT,
    Code.BODY_TOO_LARGE, Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE,
)  # fmt: skip
_MESSAGE_ID: Final = {
    "name": "message_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "The `id` that `POST /v1/sms/` answered.",
    "example": MESSAGE_ID,
}
_LINKS: Final = {
    name: {"operationId": name, "parameters": {"message_id": "$response.body#/id"}}
    for name in ("channel_message", "status", "message", "cancel")
}


def paths() -> dict[str, Any]:
    """The channel's paths. Each is served with and without a slash at its end."""
    return {
        "/v1/sms/": {"post": _send()},
        "/v1/sms/{message_id}": {"parameters": [_MESSAGE_ID], "get": _message()},
    }


def status(code: Code) -> int:
    """The HTTP status of a code on `POST /v1/sms/`: a flaw of the request is 422."""
    return 422 if STATUS[code] == 400 else STATUS[code]


def _send() -> dict[str, Any]:
    bodies = {
        "basic": {"summary": "Text only", "value": examples.CHANNEL_BASIC},
        "all": {"summary": "With all options", "value": examples.CHANNEL_ALL},
    }
    created = shows("The broker has it; a sender is being chosen.", "ChannelAnswer", examples.CREATED)
    rehearsed = shows("What would become of a `dry_run`.", "DryRunAnswer", examples.DRY_RUN)
    return {
        **about("channel_send", "Send a message through a use case", _TAG),
        "description": "The sender is chosen from the use case's numbers, after this answer: `from_number` "
        "tells it, on `GET /v1/sms/{message_id}` and in every status record.",
        "parameters": [KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": channel_request(), "examples": bodies}},
        },
        "responses": {
            "200": rehearsed,
            "201": {**created, "headers": REPLAYED, "links": _LINKS},
            **errors.responses((*_REFUSED, *KEYED), status),
        },
    }


def _message() -> dict[str, Any]:
    return {
        **about("channel_message", "What became of a message sent through a use case", _TAG),
        "responses": {
            "200": {**shows("The message.", "ChannelAnswer", examples.CHANNEL), "headers": FRESH},
            **errors.responses((*KEYED, Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)),
        },
    }
