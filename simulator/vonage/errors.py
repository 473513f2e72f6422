"""Vonage's errors: RFC 7807 problems whose type ends in the code."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

from simulator.provider import Reply

_TYPES: Final = "https://developer.vonage.com/api-errors"
_INSTANCE: Final = "bf0ca0bf927b3b52e3cb03217e1a1ddf"
"""A trace id; Vonage's own is random, and nobody can look this one up either."""


class _Error(NamedTuple):
    status: int
    title: str
    detail: str


ERRORS: Final = {
    "unauthorized": _Error(
        401,
        "You did not provide correct credentials.",
        "Check that you're using the correct credentials, and that your account has this feature enabled",
    ),
    "forbidden": _Error(403, "Forbidden", "Your account does not have permission to perform this action"),
    "not-found": _Error(404, "Not Found", "The requested resource does not exist"),
    "low-balance": _Error(
        402,
        "Low balance",
        "This request could not be performed due to your account balance being low.",
    ),
    "1000": _Error(429, "Throttled", "You have exceeded the submission capacity allowed."),
    "1010": _Error(429, "Rate Limit Hit", "Please wait, then retry your request"),
    "1020": _Error(422, "Invalid params", "The value of one or more parameters is invalid."),
    "1030": _Error(500, "Internal error", "There was an error processing your request."),
    "1040": _Error(422, "Invalid message", "The Platform was unable to process your request."),
    "1050": _Error(422, "Number barred", "The number may not receive messages."),
    "1120": _Error(422, "Illegal Sender Address", "The SenderID was not accepted."),
    "1150": _Error(422, "Invalid params", "The value of one or more parameters is invalid."),
}

_CODES: Final = {
    401: "unauthorized",
    402: "low-balance",
    403: "forbidden",
    404: "not-found",
    # The published example of a 429 bears 1010, not the 1000 of the list of codes.
    429: "1010",
}
"""The code that stands for a bare HTTP status."""


def error(
    code: str,
    detail: str | None = None,
    *,
    status: int | None = None,
    invalid: Sequence[tuple[str, str]] = (),
) -> Reply:
    """The error `code`; `invalid` are the names of parameters and what is wrong with each."""
    known = ERRORS.get(code, _Error(422, f"Error {code}", f"Error {code}"))
    page = "/messages" if code.isdigit() else ""
    body: dict[str, object] = {
        "type": f"{_TYPES}{page}#{code}",
        "title": known.title,
        "detail": detail or known.detail,
        "instance": _INSTANCE,
    }
    if invalid:
        body["invalid_parameters"] = [{"name": n, "reason": r} for n, r in invalid]
    return Reply(status or known.status, json.dumps(body).encode(), "application/problem+json")


def failure(status: int | None, code: str | None, message: str | None) -> Reply:
    """An error by its code, or by its HTTP status where there is no code."""
    if code is not None:
        return error(code, message, status=status)
    status = status or 422
    fallback = "1030" if status >= 500 else "1020"
    return error(_CODES.get(status, fallback), message or HTTPStatus(status).phrase, status=status)
