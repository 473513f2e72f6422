"""`GET /sms/{message_id}/status`: what the view shows, in the words of the send API."""

import json
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from ingress.codes import Code
from ingress.problems import Problem, passing
from ledger.view import Seen
from schemas.status import SEND_API, SENDING, State


def answer(message_id: str, organization: str, seen: Seen) -> bytes | Problem:
    """The body for `organization`, or 404 (another's message too), or 503 while the view is not whole."""
    row = seen.row
    if row is None and not seen.whole:
        return unsure()
    if row is None or row.organization != organization:
        return not_found(message_id)
    held = seen.sending and row.status is State.QUEUED
    body = {
        "message_id": row.message_id,
        "status": SENDING if held else SEND_API[row.status],
        "provider_message_id": row.provider_message_id,
        "error": None if row.failure is None else row.failure.detail,
        "updated_at": _iso(row.at),
        # Our own word, which knows `delivered` and `undelivered`.
        "state": SENDING if held else row.status,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


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


_MILLIS: Final = 1000


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // _MILLIS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
