"""The doors' error codes: stable, each explained in docs/errors.md (a test holds it to that)."""

from enum import StrEnum
from typing import Final

from schemas import refusals


class Code(StrEnum):
    """Why a request was not taken. The value is on the wire: never change one."""

    # The request itself.
    MALFORMED_JSON = "malformed_json"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    INVALID_SENDER = "invalid_sender"
    INVALID_RECIPIENT = "invalid_recipient"
    EMPTY_MESSAGE = "empty_message"
    MESSAGE_TOO_LONG = "message_too_long"
    NUL_IN_MESSAGE = "nul_in_message"
    INVALID_MEDIA_URL = "invalid_media_url"
    TOO_MANY_MEDIA = "too_many_media"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    BODY_TOO_LARGE = "body_too_large"
    # Who asks.
    UNAUTHENTICATED = "unauthenticated"
    MISSING_SCOPE = "missing_scope"
    WRONG_ORGANIZATION = "wrong_organization"
    # The sender.
    SENDER_NOT_FOUND = refusals.SENDER_NOT_FOUND
    SENDER_SUSPENDED = refusals.SENDER_SUSPENDED
    ASSISTANT_SUSPENDED = refusals.ASSISTANT_SUSPENDED
    ACCOUNT_UNAVAILABLE = refusals.ACCOUNT_UNAVAILABLE
    SMS_NOT_SUPPORTED = "sms_not_supported"
    MEDIA_NOT_SUPPORTED = "media_not_supported"
    # The state of things.
    CONFLICT = refusals.CONFLICT
    MESSAGE_NOT_FOUND = "message_not_found"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INTERNAL = "internal"
    BROKER_UNAVAILABLE = "broker_unavailable"
    LEDGER_UNAVAILABLE = "ledger_unavailable"


#: The HTTP status of each.
STATUS: Final[dict[Code, int]] = {
    Code.MALFORMED_JSON: 400,
    Code.MISSING_FIELD: 400,
    Code.INVALID_FIELD: 400,
    Code.INVALID_SENDER: 400,
    Code.INVALID_RECIPIENT: 400,
    Code.EMPTY_MESSAGE: 400,
    Code.MESSAGE_TOO_LONG: 400,
    Code.NUL_IN_MESSAGE: 400,
    Code.INVALID_MEDIA_URL: 400,
    Code.TOO_MANY_MEDIA: 400,
    Code.INVALID_IDEMPOTENCY_KEY: 400,
    Code.BODY_TOO_LARGE: 413,
    Code.UNAUTHENTICATED: 401,
    Code.MISSING_SCOPE: 403,
    Code.WRONG_ORGANIZATION: 403,
    Code.SENDER_NOT_FOUND: 404,
    Code.SENDER_SUSPENDED: 403,
    Code.ASSISTANT_SUSPENDED: 403,
    Code.ACCOUNT_UNAVAILABLE: 403,
    Code.SMS_NOT_SUPPORTED: 400,
    Code.MEDIA_NOT_SUPPORTED: 400,
    Code.CONFLICT: 422,
    Code.MESSAGE_NOT_FOUND: 404,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.INTERNAL: 500,
    Code.BROKER_UNAVAILABLE: 503,
    Code.LEDGER_UNAVAILABLE: 503,
}
