"""What follows from an answer: the call is over, or goes out once more. Pure; both clients ask it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from heliograph.calls import Call
from heliograph.errors import (
    ApiError,
    ConflictError,
    HeliographError,
    NoAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    SendFailedError,
    UnauthenticatedError,
    UnavailableError,
    UnreadableAnswerError,
)
from heliograph.retries import Retries
from heliograph.value import Value

A = TypeVar("A", bound=Value)


_BY_CODE: Final[Mapping[tuple[int, str], type[ApiError]]] = {
    # The first request with the key is being answered: it may be our own, whose answer was lost.
    (409, "in_flight"): UnavailableError,
    (422, "conflict"): ConflictError,
    # The provider's word on a message that is over: every repeat is told the same.
    (500, "send_failed"): SendFailedError,
}
_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    401: UnauthenticatedError,
    404: NotFoundError,
    # Of something between us, which may have passed the request on before it gave up.
    408: UnavailableError,
    425: UnavailableError,
    429: RateLimitedError,
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole. The names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class NoAnswer:
    """No answer came, or only a part of one."""

    detail: str


@dataclass(frozen=True)
class Done(Generic[A]):
    """The call has succeeded."""

    value: A


@dataclass(frozen=True)
class Failed:
    """The call is over, or its patience is at an end."""

    error: HeliographError


@dataclass(frozen=True)
class Again:
    """The same bytes once more, after so many seconds."""

    pause: float


def judge(
    call: Call[A], got: Answer | NoAnswer, retries: Retries, *, tried: int, elapsed: float, chance: float
) -> Done[A] | Failed | Again:
    """What to do now that try number `tried` has come to `got`; see `Retries.pause` for the rest."""
    if isinstance(got, Answer) and 200 <= got.status < 300:
        return _read(call, got)
    error = (
        NoAnswerError(got.detail, idempotency_key=call.key)
        if isinstance(got, NoAnswer)
        else _error(call, got)
    )
    if not isinstance(error, UnavailableError | NoAnswerError):
        return Failed(error)
    told = error.retry_after if isinstance(error, UnavailableError) else None
    pause = retries.pause(tried=tried, elapsed=elapsed, chance=chance, told=told)
    return Failed(error) if pause is None else Again(pause)


def _read(call: Call[A], got: Answer) -> Done[A] | Failed:
    try:
        return Done(call.answer.model_validate_json(got.body))
    except ValidationError as error:
        # Without the input: it may hold a text.
        flaw = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in flaw["loc"]) or "the answer"
        detail = f"{got.status} with an answer that is not the platform's: {where}: {flaw['msg']}"
        return Failed(UnreadableAnswerError(detail, idempotency_key=call.key))


def _error(call: Call[Any], got: Answer) -> ApiError:
    body = _members(got.body)
    kind = _kind(got.status, str(body.get("code")))
    return kind(
        got.status, body, retry_after=_seconds(got.headers.get("retry-after")), idempotency_key=call.key
    )


def _kind(status: int, code: str) -> type[ApiError]:
    found = _BY_CODE.get((status, code)) or _BY_STATUS.get(status)
    return found or (UnavailableError if status >= 500 else RefusedError)


def _members(body: bytes) -> Mapping[str, Any]:
    """An error's members; none where something between us answers in words of its own."""
    try:
        found = from_json(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: str | None) -> float | None:
    """`Retry-After`, where it is in seconds, as the platform says it. A date of a proxy is passed over."""
    return float(value) if value is not None and value.isdecimal() else None
