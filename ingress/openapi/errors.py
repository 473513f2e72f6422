"""The errors of the send API: which codes an operation answers, each with an example as it is said."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from ingress.codes import STATUS, TITLE, Code, type_uri
from ingress.openapi.shapes import REF
from schemas.requests import MAX_KEY, MAX_MEDIA, MAX_TEXT, MAX_VALID_FOR
from schemas.settings import IngressSettings

MESSAGE_ID: Final = "8ad70ee5-3d47-4fa4-a6ab-c9f2238d5f54"
USE_CASE_ID: Final = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"
_INSTANCE: Final = UUID("6d0c3f0e-5b0f-4a54-9f5e-2f6f2f1f6f0b").urn
_SENDER: Final = "+14155550123"
_WHICH: Final = {"message_id": MESSAGE_ID}
_E164: Final = "Use E.164 format (e.g., +1234567890)"
_UNACKNOWLEDGED: Final = (
    "The message was not acknowledged in time and may still be sent. "
    "Repeat with the same idempotency key to be safe; without one, look at its status first"
)
_UNVERIFIED: Final = "The use case has no verified A2P campaign for its US long-code numbers"
_NO_ROOM: Final = (
    "4 former secrets of subscription orders sign as well, the most there may be. "
    "Rotate again from 2026-04-30T11:15:00.000Z on, or end all of them now: keep_seconds 0"
)
_UNSURE: Final = "Whether this idempotency key was used before cannot be told at the moment. Try again"

#: The sentence of each, and what its body tells beyond.
_SAID: Final[dict[Code, tuple[str, dict[str, Any]]]] = {
    Code.MALFORMED_JSON: (
        "Request body is not valid JSON: EOF while parsing an object at line 1 column 1",
        {},
    ),
    Code.MISSING_FIELD: ("Missing required field: to_phone_number", {}),
    Code.INVALID_FIELD: (
        f"Invalid valid_for: Input should be less than or equal to {MAX_VALID_FOR}",
        {},
    ),
    Code.INVALID_SENDER: (f"Invalid from_phone_number format. {_E164}", {}),
    Code.INVALID_RECIPIENT: (f"Invalid to_phone_number format. {_E164}", {}),
    Code.EMPTY_MESSAGE: ("Message content cannot be empty", {}),
    Code.MESSAGE_TOO_LONG: (f"Message exceeds {MAX_TEXT} characters", {}),
    Code.TEXT_TOO_LONG_FOR_PROVIDER: ("Invalid message: it has 11 segments, and telnyx takes 10", {}),
    Code.NUL_IN_MESSAGE: ("Message content cannot hold the NUL character", {}),
    Code.INVALID_MEDIA_URL: ("Invalid media_urls: number 1 is no http or https URL", {}),
    Code.PRIVATE_MEDIA_URL: ("Invalid media_urls: number 1 is not at a public address", {}),
    Code.TOO_MANY_MEDIA: (f"Invalid media_urls: at most {MAX_MEDIA} are taken", {}),
    Code.INVALID_IDEMPOTENCY_KEY: (f"Invalid Idempotency-Key: 1 to {MAX_KEY} characters are taken", {}),
    Code.BODY_TOO_LARGE: (f"Request body exceeds {IngressSettings().body_limit_bytes} bytes", {}),
    Code.UNAUTHENTICATED: ("Not authenticated: send the header Authorization: Bearer <API key>", {}),
    Code.MISSING_SCOPE: ("This API key may not send: it lacks the scope send", {}),
    Code.WRONG_ORGANIZATION: ("Unauthorized: phone number belongs to different organization", {}),
    Code.RATE_LIMITED: ("This API key may make 5 requests per second. Try again in 1 s", {}),
    Code.SENDER_NOT_FOUND: (f"No assistant found for phone number {_SENDER}", {}),
    Code.SENDER_SUSPENDED: (f"Phone number {_SENDER} is suspended", {}),
    Code.ASSISTANT_SUSPENDED: ("Assistant Front desk is suspended", {}),
    Code.ACCOUNT_UNAVAILABLE: (f"The account of phone number {_SENDER} is not in use", {}),
    Code.SMS_NOT_SUPPORTED: (f"Phone number {_SENDER} cannot send SMS", {}),
    Code.MEDIA_NOT_SUPPORTED: (f"Phone number {_SENDER} cannot send media", {}),
    Code.USE_CASE_NOT_FOUND: (f"There is no SMS use case {USE_CASE_ID}; it may be deleted.", {}),
    Code.USE_CASE_SUSPENDED: ("The SMS use case Order updates is suspended.", {}),
    Code.NO_SENDER: ("No phone number is assigned to the use case.", {}),
    Code.NO_USABLE_SENDER: (
        f"No number of the use case can send this message: {_SENDER} is suspended.",
        {},
    ),
    Code.CAMPAIGN_NOT_VERIFIED: (
        f"{_UNVERIFIED}: campaign orders of {_SENDER}.",
        {},
    ),
    Code.BRAND_SUSPENDED: (
        f"The brand registration behind the use case is suspended: brand acme of {_SENDER}.",
        {},
    ),
    Code.NOT_A_NUMBER: ("Invalid destination phone number: +12025550 is not a real number.", {}),
    Code.LANDLINE: ("Invalid destination phone number: +442071838750 is a landline.", {}),
    Code.REGION_NOT_PERMITTED: ("The use case is not permitted to send to CA.", {}),
    Code.OPTED_OUT: ("+12025550143 has opted out of receiving messages.", {}),
    Code.INVALID_ENTITY: (
        "Field name: Field required",
        {"errors": [{"field": "name", "detail": "Field required"}]},
    ),
    Code.OPERATOR_ONLY: (
        "Field rate: only the operator may set it",
        {"errors": [{"field": "rate", "detail": "only the operator may set it"}]},
    ),
    Code.ENTITY_NOT_FOUND: ("There is no assistant front-desk", {}),
    Code.ID_TAKEN: ("assistant front-desk belongs to another organization", {}),
    Code.IN_USE: (f"number {_SENDER} is in use by assistant front-desk (numbers)", {}),
    Code.TOO_MANY_SECRETS: (_NO_ROOM, {}),
    Code.CHANGED_MEANWHILE: (
        "assistant front-desk was changed by another request at the same moment",
        {},
    ),
    Code.VERSION_MISMATCH: ("assistant front-desk has version 4 by now. Read it again", {}),
    Code.CONFLICT: ("This idempotency key was used with other content", _WHICH),
    Code.IN_FLIGHT: (
        "The first request with this idempotency key is still in flight. Try again in a moment",
        _WHICH,
    ),
    Code.MESSAGE_NOT_FOUND: (f"Message {MESSAGE_ID} not found", {}),
    Code.NOT_FOUND: ("Not Found", {}),
    Code.METHOD_NOT_ALLOWED: ("Method Not Allowed", {}),
    Code.SEND_FAILED: (
        "Failed to send SMS via telnyx",
        {
            "success": False,
            "message_id": MESSAGE_ID,
            "provider": "telnyx",
            "status": "failed",
            "num_segments": 1,
            "state": "failed",
            "failure_code": "rejected",
            "reason": "The destination number is not valid",
        },
    ),
    Code.INTERNAL: ("Internal error", {}),
    Code.BROKER_UNAVAILABLE: (
        _UNACKNOWLEDGED,
        _WHICH,
    ),
    Code.LEDGER_UNAVAILABLE: (_UNSURE, _WHICH),
}
#: Answers of every operation that asks for a key.
KEYED: Final = (Code.UNAUTHENTICATED, Code.MISSING_SCOPE, Code.RATE_LIMITED, Code.INTERNAL)
_ABOUT: Final[dict[int, str]] = {
    400: "The request is not as it must be.",
    401: "No API key, or one that is not in use.",
    403: "This key may not do that.",
    404: "There is no such thing, or it is another organization's.",
    405: "The path takes other methods.",
    409: "Something else was first: `code` says what.",
    412: "It has another version than the one that was named.",
    413: "The body is too long.",
    422: "It cannot be done: `code` says why.",
    429: "The key's own rate is used up.",
    500: "The provider did not take the message, or a fault of ours.",
    503: "Something that is needed is away for the moment.",
}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {
        "WWW-Authenticate": {
            "required": True,
            "schema": {"type": "string", "pattern": "^Bearer"},
            "description": "How to authenticate (RFC 6750).",
        }
    },
    405: {
        "Allow": {
            "required": True,
            "schema": {"type": "string"},
            "description": "The methods that the path takes.",
        }
    },
    **{
        status: {
            "Retry-After": {
                "required": True,
                "schema": {"type": "integer", "minimum": 1},
                "description": "Seconds after which the same request may succeed.",
            }
        }
        for status in (409, 429, 503)
    },
}


#: The HTTP status of a code.
Statuses = Callable[[Code], int]


def example(code: Code, status: Statuses = STATUS.__getitem__) -> dict[str, Any]:
    """A body with `code`, as it is answered."""
    detail, more = _SAID[code]
    return {
        "detail": detail,
        "code": code.value,
        "type": type_uri(code),
        "title": TITLE[code],
        "status": status(code),
        "instance": _INSTANCE,
    } | more


def responses(codes: tuple[Code, ...], status: Statuses = STATUS.__getitem__) -> dict[str, Any]:
    """The error answers of an operation that has these codes, by status."""
    return {
        str(found): response(found, tuple(code for code in codes if status(code) == found), status)
        for found in sorted({status(code) for code in codes})
    }


def response(status: int, codes: tuple[Code, ...], statuses: Statuses = STATUS.__getitem__) -> dict[str, Any]:
    """The answer of one status, with an example for each code."""
    found: dict[str, Any] = {
        "description": _ABOUT[status],
        "content": {
            "application/json": {
                "schema": _schema(codes),
                "examples": {
                    code.value: {"summary": TITLE[code], "value": example(code, statuses)} for code in codes
                },
            }
        },
    }
    # Who finds an id taken need not come again.
    if status in _HEADERS and (status != 409 or Code.IN_FLIGHT in codes):
        found["headers"] = _HEADERS[status]
    return found


def components() -> dict[str, Any]:
    """The schemas that the answers here refer to."""
    members = {
        "detail": {"type": "string", "description": "One sentence for people."},
        "code": {"type": "string", "description": "Stable; each is explained in `docs/errors.md`."},
        "type": {"type": "string", "format": "uri", "description": "The code as a URI (RFC 9457)."},
        "title": {"type": "string", "description": "The same whenever the code is."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "instance": {
            "type": "string",
            "format": "uri",
            "description": "This one answer: an operator finds a 5xx in the log by it.",
        },
        "message_id": {
            "type": "string",
            "format": "uuid",
            "description": "The message that it is about, where there is one.",
        },
        "errors": {
            "type": "array",
            "description": "Each field that is wrong (empty: the body as a whole), where fields are.",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["field", "detail"],
            },
        },
    }
    required = [name for name in members if name not in {"message_id", "errors"}]
    failed = {
        **{name: members[name] for name in (*required, "message_id")},
        "code": {"const": Code.SEND_FAILED.value},
        "success": {"const": False},
        "provider": {"$ref": REF.format(model="Provider")},
        "status": {"const": "failed", "description": "The message's."},
        "num_segments": {"type": "integer", "minimum": 0},
        "state": {"type": "string", "enum": ["failed", "undelivered"]},
        "failure_code": {"type": ["string", "null"], "description": "Of `docs/errors.md`."},
        "reason": {"type": ["string", "null"], "description": "Why, in one sentence."},
    }
    return {
        "Problem": {
            "type": "object",
            "description": "An error, with the members of RFC 9457.",
            "properties": members,
            "required": required,
        },
        "SendFailure": {
            "type": "object",
            "description": "The provider did not take a `queue: false` message. It is over.",
            "properties": failed,
            "required": list(failed),
        },
    }


def _schema(codes: tuple[Code, ...]) -> dict[str, Any]:
    plain = [code.value for code in codes if code is not Code.SEND_FAILED]
    problem = {
        "allOf": [
            {"$ref": REF.format(model="Problem")},
            {"type": "object", "properties": {"code": {"enum": plain}}},
        ]
    }
    if Code.SEND_FAILED not in codes:
        return problem
    return {"oneOf": [problem, {"$ref": REF.format(model="SendFailure")}]}
