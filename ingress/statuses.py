"""What is known of a message: `GET /sms/{message_id}/status` and `GET /sms/{message_id}`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from ingress import progress, shown
from ingress.codes import Code
from ingress.problems import Problem, passing
from ledger.view import Seen
from schemas.public import StatusRecord

Members = Callable[[StatusRecord, Seen], dict[str, Any]]


def answer(message_id: str, organization: str, seen: Seen, members: Members) -> bytes | Problem:
    """The body for `organization`, or 404 (another's message too), or 503 while the view is not whole."""
    row = owned(message_id, organization, seen)
    return row if isinstance(row, Problem) else encoded(members(row, seen))


def owned(message_id: str, organization: str, seen: Seen) -> StatusRecord | Problem:
    """The row of a message of `organization`."""
    row = seen.row
    if row is None and not seen.whole:
        return unsure()
    if row is None or row.organization != organization:
        return not_found(message_id)
    return row


def status(row: StatusRecord, seen: Seen) -> dict[str, Any]:
    """The members of the public contract, and ours after them."""
    return {
        "message_id": row.message_id,
        "status": progress.word(row, seen),
        "provider_message_id": row.provider_message_id,
        "error": None if row.failure is None else row.failure.detail,
        "updated_at": iso(row.at),
        # Our own word, which knows `delivered` and `undelivered`.
        "state": progress.state(row, seen),
        "num_segments": row.segments,
        "send_at": None if row.send_at is None else iso(row.send_at),
    }


#: The whole record.
record: Final[Members] = shown.members


def encoded(members: dict[str, Any]) -> bytes:
    """As JSON; text as it is."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def canonical(message_id: str) -> str | None:
    """The id as we write it, or None if it cannot be one of ours."""
    try:
        return str(UUID(message_id))
    except ValueError:
        return None


def not_found(message_id: str) -> Problem:
    """There is no such message, or it is another organization's."""
    return Problem(Code.MESSAGE_NOT_FOUND, f"Message {message_id} not found")


def unsure() -> Problem:
    """Nobody can tell at the moment."""
    return passing(Code.LEDGER_UNAVAILABLE, "The status of messages is not known at the moment. Try again")


def iso(at: int) -> str:
    """Epoch milliseconds as the public contract writes them, in seconds."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
