"""Twilio's REST errors: code, HTTP status and sentence, from its error dictionary."""

import json
from http import HTTPStatus
from typing import Final, NamedTuple

from simulator.provider import Reply


class _Error(NamedTuple):
    status: int
    message: str


ERRORS: Final = {
    "20003": _Error(401, "Authenticate"),
    "20403": _Error(403, "Forbidden"),
    "20404": _Error(404, "The requested resource was not found"),
    "20429": _Error(429, "Too Many Requests"),
    "20500": _Error(500, "An internal server error has occurred"),
    "20503": _Error(503, "Service is unavailable"),
    "21211": _Error(400, "The 'To' number is not a valid phone number."),
    "21212": _Error(
        400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."
    ),
    "21408": _Error(400, "Permission to send an SMS has not been enabled for the region"),
    "21602": _Error(400, "Message body is required."),
    "21603": _Error(400, "A 'From' phone number is required."),
    "21604": _Error(400, "A 'To' phone number is required."),
    "21606": _Error(
        400,
        "The 'From' phone number provided is not a valid message-capable Twilio phone number "
        "for this account",
    ),
    "21608": _Error(400, "The number is unverified. Trial accounts cannot send to it."),
    "21609": _Error(400, "The 'StatusCallback' URL is not a valid URL."),
    "21610": _Error(400, "Attempt to send to unsubscribed recipient"),
    "21611": _Error(400, "This 'From' number has exceeded the maximum number of queued messages"),
    "21612": _Error(400, "The 'To' phone number is not currently reachable via SMS"),
    "21614": _Error(400, "The 'To' number is not a valid mobile number"),
    "21617": _Error(400, "The concatenated message body exceeds the 1600 character limit"),
    "21620": _Error(400, "Invalid media URL(s)"),
    "21623": _Error(400, "Number of media files exceeds allowed limit"),
    "21703": _Error(400, "The Messaging Service is not available to send messages"),
    "21704": _Error(400, "The Messaging Service contains no phone numbers"),
    "21705": _Error(400, "The Messaging Service is invalid"),
}

_CODES: Final = {401: "20003", 403: "20403", 404: "20404", 429: "20429", 500: "20500"}
"""The code that stands for a bare HTTP status."""


def error(code: str, message: str | None = None, status: int | None = None) -> Reply:
    """The error `code`; an unknown one is a 400 with a bare sentence."""
    known = ERRORS.get(code, _Error(400, f"Error {code}"))
    status = status or known.status
    body = {
        "code": int(code),
        "message": message or known.message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status, json.dumps(body).encode())


def failure(status: int | None, code: str | None, message: str | None) -> Reply:
    """An error by its code, or by its HTTP status where there is no code."""
    if code is not None and code.isdigit():
        return error(code, message, status)
    status = status or 400
    fallback = "20503" if status > 500 else "20001"
    return error(_CODES.get(status, fallback), message or HTTPStatus(status).phrase, status)
