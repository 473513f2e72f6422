"""What an answer means: pure functions from status, headers and error code to an outcome, or to an answer.

429 says by itself that nothing was processed (Vonage's comes with a code that elsewhere means parameters).
Else the provider's own code decides, then the HTTP status. What does not say that a message was refused
unsent is ambiguous.
"""

import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, assert_never

from dispatchers.port import Answer, Found, NoAnswer, Refused, Standing
from dispatchers.providers.exchange import Reply
from schemas.codes import NOT_PROCESSED, fault_of_receipt, fault_of_refusal
from schemas.provider import (
    Accepted,
    Ambiguous,
    Fault,
    Outcome,
    Provider,
    Rejected,
    Throttled,
    Unavailable,
)
from schemas.reports import WORDS

_MAX_DETAIL: Final = 300
_TOO_MANY: Final = 429

#: HTTP statuses without a code that we know. Other 4xx are about the request; 5xx and 408 say nothing.
_BY_STATUS: Final[dict[int, Fault]] = {
    401: Fault.ACCOUNT,
    402: Fault.ACCOUNT,
    403: Fault.ACCOUNT,
    404: Fault.SENDER,
    408: Fault.AMBIGUOUS,
    _TOO_MANY: Fault.RETRYABLE,
}
#: Telnyx's rules for `Idempotency-Key`: the first request is still going on; or the key was used for another.
_TELNYX_BY_STATUS: Final[dict[int, Fault]] = {409: Fault.AMBIGUOUS, 422: Fault.AMBIGUOUS}


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; empty if it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def text(value: object) -> str:
    """`value` if it is a word or a number, else "".

    Half a surrogate pair, which no record of ours can hold, is replaced: a sentence cut through an emoji has
    one.
    """
    word = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return word.encode(errors="replace").decode()


def refusal(
    provider: Provider, reply: Reply, *, code: str = "", detail: str = "", parameter: str = "", now: float
) -> Outcome:
    """What an answer that is not 2xx comes to.

    Args:
        provider: who answered.
        reply: its answer.
        code: the provider's own code, "" where the body has none.
        detail: its sentence.
        parameter: the field that it names as invalid.
        now: seconds since the epoch, for a `Retry-After` that is a date.
    """
    known = None if reply.status == _TOO_MANY else fault_of_refusal(provider, code, parameter)
    fault = known or _by_status(provider, reply.status)
    sentence = (detail or f"{provider} answered {reply.status}")[:_MAX_DETAIL]
    if fault is Fault.AMBIGUOUS:
        return Ambiguous(detail=f"{provider} answered {reply.status} {code}: {sentence}"[:_MAX_DETAIL])
    if fault is Fault.RETRYABLE:
        if not (code in NOT_PROCESSED[provider] or 400 <= reply.status < 500):
            return Ambiguous(detail=f"{provider} answered {reply.status} {code}: {sentence}"[:_MAX_DETAIL])
        return Throttled(code=code, detail=sentence, retry_after=retry_after(reply.headers, now))
    return Rejected(fault=fault, code=code, detail=sentence)


def _by_status(provider: Provider, status: int) -> Fault:
    if provider is Provider.TELNYX and status in _TELNYX_BY_STATUS:
        return _TELNYX_BY_STATUS[status]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Fault.CONTENT if 400 <= status < 500 else Fault.AMBIGUOUS


def repeated(outcome: Outcome) -> Answer:
    """What the same request with the same idempotency key, sent again, says of the first one.

    Only a success is replayed by its key; else the request is judged anew. A refusal of the recipient or of
    the content is one that the same request met the first time, too. Others (credentials, the sender's
    registration, an opt-out) may have come about since, and say nothing of the first.
    """
    match outcome:
        case Accepted():
            return Found(outcome)
        case Rejected(fault=Fault.RECIPIENT | Fault.CONTENT):
            return Refused(outcome)
        case Rejected(detail=detail) | Unavailable(detail=detail) | Ambiguous(detail=detail):
            return NoAnswer(detail)
        case Throttled(detail=detail, retry_after=seconds):
            return NoAnswer(detail, seconds)
        case _:
            assert_never(outcome)


def standing(provider: Provider, word: str, code: str, detail: str, title: str = "") -> Standing | None:
    """What `provider` says of a message that it shows: its word for the status, and its error.

    None where that moves nothing, or is a word that we do not know. `title` as in `fault_of_receipt`.
    """
    status = WORDS[provider].get(word)
    if status is None:
        return None
    return Standing(
        status=status,
        code=code or None,
        fault=fault_of_receipt(provider, code, title) if code else None,
        detail=detail or None,
    )


def unanswered(reply: Reply, now: float) -> NoAnswer:
    """A question that was answered with an error, whatever it says: nothing is learned of the message."""
    return NoAnswer(f"asked, and answered {reply.status}", retry_after(reply.headers, now))


def unreadable(provider: Provider, reply: Reply) -> Ambiguous:
    """A 2xx that names no message: it may well have been accepted."""
    return Ambiguous(detail=f"{provider} answered {reply.status} without a message id")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """`Retry-After` in seconds from `now`: a number or a date (RFC 9110 §10.2.3); None if there is none."""
    value = headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def seconds_left(valid_until: int, now: float, limits: tuple[int, int]) -> int:
    """How long a message is still valid, in whole seconds, within what the provider takes.

    Args:
        valid_until: milliseconds since the epoch.
        now: seconds since the epoch.
        limits: the shortest and the longest that the provider takes.
    """
    lowest, highest = limits
    return min(max(int(valid_until / 1000 - now), lowest), highest)
