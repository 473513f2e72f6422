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
    TEXT_TOO_LONG_FOR_PROVIDER = "text_too_long_for_provider"
    NUL_IN_MESSAGE = "nul_in_message"
    INVALID_MEDIA_URL = "invalid_media_url"
    PRIVATE_MEDIA_URL = "private_media_url"
    TOO_MANY_MEDIA = "too_many_media"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    BODY_TOO_LARGE = "body_too_large"
    # Who asks, and how often.
    UNAUTHENTICATED = "unauthenticated"
    MISSING_SCOPE = "missing_scope"
    WRONG_ORGANIZATION = "wrong_organization"
    RATE_LIMITED = "rate_limited"
    # The sender.
    SENDER_NOT_FOUND = refusals.SENDER_NOT_FOUND
    SENDER_SUSPENDED = refusals.SENDER_SUSPENDED
    ASSISTANT_SUSPENDED = refusals.ASSISTANT_SUSPENDED
    ACCOUNT_UNAVAILABLE = refusals.ACCOUNT_UNAVAILABLE
    SMS_NOT_SUPPORTED = "sms_not_supported"
    MEDIA_NOT_SUPPORTED = "media_not_supported"
    # The use case, and its recipient.
    USE_CASE_NOT_FOUND = refusals.USE_CASE_NOT_FOUND
    USE_CASE_SUSPENDED = refusals.USE_CASE_SUSPENDED
    NO_SENDER = refusals.NO_SENDER
    NO_USABLE_SENDER = refusals.NO_USABLE_SENDER
    CAMPAIGN_NOT_VERIFIED = refusals.CAMPAIGN_NOT_VERIFIED
    BRAND_SUSPENDED = refusals.BRAND_SUSPENDED
    NOT_A_NUMBER = refusals.NOT_A_NUMBER
    LANDLINE = refusals.LANDLINE
    REGION_NOT_PERMITTED = refusals.REGION_NOT_PERMITTED
    OPTED_OUT = refusals.OPTED_OUT
    # The directory and its keys.
    INVALID_ENTITY = "invalid_entity"
    OPERATOR_ONLY = "operator_only"
    ENTITY_NOT_FOUND = "entity_not_found"
    ID_TAKEN = "id_taken"
    IN_USE = "in_use"
    TOO_MANY_SECRETS = "too_many_secrets"
    CHANGED_MEANWHILE = "changed_meanwhile"
    VERSION_MISMATCH = "version_mismatch"
    # The state of things.
    CONFLICT = refusals.CONFLICT
    IN_FLIGHT = "in_flight"
    MESSAGE_NOT_FOUND = "message_not_found"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SEND_FAILED = "send_failed"
    INTERNAL = "internal"
    BROKER_UNAVAILABLE = "broker_unavailable"
    LEDGER_UNAVAILABLE = "ledger_unavailable"


#: Of each: the HTTP status, and the title, which is the same whenever the code is (RFC 9457, 3.1.3).
_MEANING: Final[dict[Code, tuple[int, str]]] = {
    Code.MALFORMED_JSON: (400, "Body is not a JSON object"),
    Code.MISSING_FIELD: (400, "Field is missing"),
    Code.INVALID_FIELD: (400, "Field or parameter is invalid"),
    Code.INVALID_SENDER: (400, "Sender is not E.164"),
    Code.INVALID_RECIPIENT: (400, "Recipient is not E.164"),
    Code.EMPTY_MESSAGE: (400, "Message is empty"),
    Code.MESSAGE_TOO_LONG: (400, "Message is too long"),
    Code.TEXT_TOO_LONG_FOR_PROVIDER: (400, "Message is too long for the provider"),
    Code.NUL_IN_MESSAGE: (400, "Message holds NUL"),
    Code.INVALID_MEDIA_URL: (400, "Media URL is invalid"),
    Code.PRIVATE_MEDIA_URL: (400, "Media URL is not public"),
    Code.TOO_MANY_MEDIA: (400, "Too many media URLs"),
    Code.INVALID_IDEMPOTENCY_KEY: (400, "Idempotency key is invalid"),
    Code.BODY_TOO_LARGE: (413, "Body is too large"),
    Code.UNAUTHENTICATED: (401, "Not authenticated"),
    Code.MISSING_SCOPE: (403, "Scope is missing"),
    Code.WRONG_ORGANIZATION: (403, "Sender is another organization's"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.SENDER_NOT_FOUND: (404, "Sender not found"),
    Code.SENDER_SUSPENDED: (403, "Sender is suspended"),
    Code.ASSISTANT_SUSPENDED: (403, "Assistant is suspended"),
    Code.ACCOUNT_UNAVAILABLE: (403, "Provider account is not in use"),
    Code.SMS_NOT_SUPPORTED: (400, "Sender cannot send SMS"),
    Code.MEDIA_NOT_SUPPORTED: (400, "Sender cannot send media"),
    Code.USE_CASE_NOT_FOUND: (404, "Use case not found"),
    Code.USE_CASE_SUSPENDED: (422, "Use case is suspended"),
    Code.NO_SENDER: (422, "Use case has no phone number"),
    Code.NO_USABLE_SENDER: (422, "Use case has no usable phone number"),
    Code.CAMPAIGN_NOT_VERIFIED: (422, "Use case has no verified campaign"),
    Code.BRAND_SUSPENDED: (422, "Brand registration is suspended"),
    Code.NOT_A_NUMBER: (422, "Recipient is not a real number"),
    Code.LANDLINE: (422, "Recipient is a landline"),
    Code.REGION_NOT_PERMITTED: (422, "Region is not permitted"),
    Code.OPTED_OUT: (422, "Recipient has opted out"),
    Code.INVALID_ENTITY: (422, "Fields are not as they must be"),
    Code.OPERATOR_ONLY: (403, "It is the operator's"),
    Code.ENTITY_NOT_FOUND: (404, "Not in the directory"),
    Code.ID_TAKEN: (409, "Id is taken"),
    Code.IN_USE: (409, "It is in use"),
    Code.TOO_MANY_SECRETS: (409, "As many secrets sign as may"),
    Code.CHANGED_MEANWHILE: (409, "Another change was first"),
    Code.VERSION_MISMATCH: (412, "It has another version"),
    Code.CONFLICT: (422, "Idempotency key has other content"),
    Code.IN_FLIGHT: (409, "Idempotency key is in use"),
    Code.MESSAGE_NOT_FOUND: (404, "Message not found"),
    Code.NOT_FOUND: (404, "Path not found"),
    Code.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Code.SEND_FAILED: (500, "Provider did not take the message"),
    Code.INTERNAL: (500, "Internal error"),
    Code.BROKER_UNAVAILABLE: (503, "Broker is not available"),
    Code.LEDGER_UNAVAILABLE: (503, "Ledger is not available"),
}

STATUS: Final[dict[Code, int]] = {code: status for code, (status, _) in _MEANING.items()}
TITLE: Final[dict[Code, str]] = {code: title for code, (_, title) in _MEANING.items()}


def type_uri(code: Code) -> str:
    """What names the kind of problem as a URI (RFC 9457, 3.1.1): a name, not an address."""
    return f"urn:heliograph:error:{code}"
