"""Telnyx's errors: code, title and HTTP status.

Its documents fix the code and the title, not the HTTP status; those here are the ones seen in
published answers, and for the rest the nearest in meaning.
"""

import json
from http import HTTPStatus
from typing import Final, NamedTuple

from simulator.provider import Reply


class _Error(NamedTuple):
    status: int
    title: str
    detail: str


ERRORS: Final = {
    "10002": _Error(422, "Invalid phone number", "The phone number is invalid."),
    "10004": _Error(422, "Missing required parameter", "A required parameter was missing."),
    "10005": _Error(404, "Resource not found", "The requested resource or URL could not be found."),
    "10007": _Error(500, "Unexpected error", "An unexpected error occured."),
    "10008": _Error(408, "Request timeout", "The request timed out."),
    "10009": _Error(
        401,
        "Authentication failed",
        "The required authentication headers were either invalid or not included in the request.",
    ),
    "10010": _Error(403, "Authorization failed", "You do not have permission to do that."),
    "10011": _Error(429, "Too many requests", "You have exceeded the maximum number of allowed requests."),
    "10015": _Error(400, "Bad Request", "The request failed because it was not well-formed."),
    "10016": _Error(
        422,
        "Phone number must be in +E.164 format",
        "The specified phone number parameter must be in +E.164 format.",
    ),
    "10023": _Error(400, "Invalid JSON", "The request body is not valid JSON."),
    "10037": _Error(503, "Service unavailable", "The service is temporarily unavailable."),
    "40300": _Error(400, "Blocked due to STOP message", "The recipient has sent STOP."),
    "40302": _Error(400, "Message too large", "The message has too many parts."),
    "40305": _Error(
        400,
        "Invalid 'from' address",
        "The 'from' address should be string containing a valid number associated with the "
        "sending messaging profile.",
    ),
    "40310": _Error(400, "Invalid 'to' address", "The 'to' address is not a valid number."),
    "40316": _Error(400, "No content provided", "A message needs text or media."),
    "40318": _Error(400, "Message queue full", "The message queue of this sender is full."),
}

_CODES: Final = {
    401: "10009",
    403: "10010",
    404: "10005",
    408: "10008",
    429: "10011",
    500: "10007",
    503: "10037",
}
"""The code that stands for a bare HTTP status."""


def error(
    code: str, detail: str | None = None, *, pointer: str | None = None, status: int | None = None
) -> Reply:
    """The error `code`, with a JSON pointer to what it is about."""
    known = ERRORS.get(code, _Error(400, f"Error {code}", f"Error {code}"))
    body: dict[str, object] = {
        "code": code,
        "title": known.title,
        "detail": detail or known.detail,
        "meta": {"url": f"https://developers.telnyx.com/docs/overview/errors/{code}"},
    }
    if pointer is not None:
        body["source"] = {"pointer": pointer}
    return Reply(status or known.status, json.dumps({"errors": [body]}).encode())


def failure(status: int | None, code: str | None, message: str | None) -> Reply:
    """An error by its code, or by its HTTP status where there is no code."""
    if code is not None:
        return error(code, message, status=status)
    status = status or 400
    fallback = "10007" if status > 500 else "10015"
    return error(_CODES.get(status, fallback), message or HTTPStatus(status).phrase, status=status)


def in_progress() -> Reply:
    """409: the first request with this idempotency key is not answered yet."""
    return error("10015", "A request with this Idempotency-Key is still in progress.", status=409)


def key_reused() -> Reply:
    """422: the idempotency key belongs to another request."""
    return error("10015", "This Idempotency-Key was used with another request.", status=422)
