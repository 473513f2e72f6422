"""`GET /sms/{message_id}`: everything that is known of a message."""

from datetime import UTC, datetime
from typing import Any

from ingress import progress
from ledger.view import Seen
from schemas.public import Attempt, Failure, StatusRecord


def members(row: StatusRecord, seen: Seen) -> dict[str, Any]:
    """The answer's members; times are ISO 8601 in UTC with milliseconds."""
    attempts = merged(row.attempts, seen.tries)
    return {
        "message_id": row.message_id,
        "status": progress.word(row, seen),
        "state": progress.state(row, seen),
        "use_case_id": row.use_case_id,
        "from_phone_number": row.from_number,
        "to_phone_number": row.to_number,
        "message": row.text,
        "media_urls": list(row.media),
        "redacted": row.redacted,
        "num_segments": row.segments,
        "reference": row.reference,
        "provider": row.provider,
        "account": row.account,
        "sender": _sender(row, attempts),
        "provider_message_id": row.provider_message_id,
        "error": None if row.failure is None else row.failure.detail,
        "failure": None if row.failure is None else _failure(row.failure),
        "send_at": None if row.send_at is None else iso(row.send_at),
        "accepted_at": iso(row.accepted_at),
        "updated_at": iso(row.at),
        "history": [
            {"status": step.status, "at": iso(step.at), "settled_by": step.settled_by} for step in row.history
        ],
        "attempts": [_attempt(attempt) for attempt in attempts],
        "reason": row.reason,
        "conflicts_with": row.conflicts_with,
    }


def merged(told: tuple[Attempt, ...], tried: tuple[Attempt, ...]) -> list[Attempt]:
    """Each attempt once, by number. The row's word counts; the ledger's tries are ahead of it, and older."""
    found = {attempt.number: attempt for attempt in (*tried, *told)}
    return [found[number] for number in sorted(found)]


def iso(at: int) -> str:
    """Epoch milliseconds as callers read them."""
    time = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return time.removesuffix("+00:00") + "Z"


def _sender(row: StatusRecord, attempts: list[Attempt]) -> str | None:
    """The number that it goes out from; None before one is chosen. The row knows it, up to its attempt."""
    if attempts and attempts[-1].number > (row.attempt or 0):
        return attempts[-1].sender
    return None if row.account is None else row.from_number


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "code": failure.code,
        "detail": failure.detail,
        "provider_code": failure.provider_code,
        "fault": failure.fault,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": iso(attempt.at),
        "provider": attempt.provider,
        "account": attempt.account,
        "sender": attempt.sender,
        "outcome": attempt.outcome,
        "provider_message_id": attempt.provider_message_id,
        "provider_code": attempt.provider_code,
        "fault": attempt.fault,
        "detail": attempt.detail,
    }
