"""What can go wrong, split by what a caller does about it.

`RefusedError`: mend the request. `SendFailedError`: that message is over. `UnavailableError` and
`NoAnswerError`: the same request later, with the same idempotency key.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class HeliographError(Exception):
    """Any error of this package that is not a mistake in the program."""


class ApiError(HeliographError):
    """The platform answered, and not with success.

    Attributes:
        status: of HTTP.
        code: stable, of the platform's list of error codes; "" where something between us answered.
        detail: one sentence for people.
        message_id: the message that it is about, where one is named. Of a 503: the id that the message
            has if it was taken after all.
        idempotency_key: the one that the request went out with, also where the client made it.
        instance: names this one answer; an operator finds a 5xx in the log by it.
        retry_after: seconds after which the platform would take the request, where it said so.
        errors: the fields that are wrong, where fields are: `{"field": ..., "detail": ...}`.
        body: all members of the answer.
    """

    def __init__(
        self,
        status: int,
        body: Mapping[str, Any],
        *,
        retry_after: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.code = _text(body.get("code")) or ""
        self.detail = _text(body.get("detail")) or f"HTTP {status}"
        self.message_id = _text(body.get("message_id"))
        self.instance = _text(body.get("instance"))
        errors = body.get("errors")
        self.errors: Sequence[Mapping[str, Any]] = errors if isinstance(errors, list) else []
        self.retry_after = retry_after
        self.idempotency_key = idempotency_key
        super().__init__(f"{status} {self.code}: {self.detail}" if self.code else self.detail)


class RefusedError(ApiError):
    """The request is not taken as it is, now or later. Nothing was sent."""


class UnauthenticatedError(RefusedError):
    """The API key is missing, unknown or suspended."""


class NotFoundError(RefusedError):
    """There is no such message, sender, use case or path, or it is not yours."""


class ConflictError(RefusedError):
    """The idempotency key was used with other content: final. `message_id` is the message that has it."""


class SendFailedError(ApiError):
    """A `queue=False` message was not taken by its provider, and is over. A new try needs a new key."""

    @property
    def failure_code(self) -> str | None:
        """Why, as a stable word of the platform's list of failures."""
        return _text(self.body.get("failure_code"))

    @property
    def reason(self) -> str | None:
        """Why, in one sentence."""
        return _text(self.body.get("reason"))

    @property
    def provider(self) -> str | None:
        """Who refused it."""
        return _text(self.body.get("provider"))


class UnavailableError(ApiError):
    """In all tries the platform could not answer for the moment (409 `in_flight`, 5xx; a proxy's 408, 425).

    A message may have been taken: send it again with `idempotency_key`, or ask for `message_id`.
    """


class RateLimitedError(UnavailableError):
    """In all tries the API key's rate was used up; `retry_after` says for how long. Nothing was sent."""


class NoAnswerError(HeliographError):
    """In all tries no answer came: refused, cut off, timed out.

    A message may have been taken: send it again with `idempotency_key`.
    """

    def __init__(self, detail: str, *, idempotency_key: str | None = None) -> None:
        self.detail = detail
        self.idempotency_key = idempotency_key
        super().__init__(detail)


class UnreadableAnswerError(HeliographError):
    """A success came that is not one of the platform's: does something between us answer?"""

    def __init__(self, detail: str, *, idempotency_key: str | None = None) -> None:
        self.detail = detail
        self.idempotency_key = idempotency_key
        super().__init__(detail)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
