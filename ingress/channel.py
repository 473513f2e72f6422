"""A message as the channel API shows it: `POST /v1/sms/` and `GET /v1/sms/{id}`."""

import json
from dataclasses import replace
from typing import Any, Final

from ingress import progress
from ingress.problems import Problem
from ingress.replies import Reply
from ingress.shown import iso
from ledger.claims import Absent
from ledger.view import Seen
from schemas.base import Millis
from schemas.error_codes import CANCELLED, error_code
from schemas.public import AttemptOutcome, StatusRecord, Step
from schemas.status import CHANNEL_API, SENDING, State

_ENDED_BADLY: Final = frozenset({State.FAILED, State.UNDELIVERED, State.CANCELLED})
#: What carriers report only of what they were given.
_TAKEN: Final = frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED})
_FAILED_THERE: Final = "failed"
_NEW: Final = Seen(row=None, claim=Absent(), whole=True)


def members(row: StatusRecord, seen: Seen) -> dict[str, Any]:
    """The members of the public contract, and ours after them."""
    state = progress.state(row, seen)
    bad = state in _ENDED_BADLY
    handed_off_at = _handed_off_at(row)
    return {
        "id": row.message_id,
        "use_case_id": row.use_case_id,
        "message_sid": message_sid(row.message_id),
        "from_number": row.from_number,
        "to_number": row.to_number,
        "body": row.text,
        "num_segments": None if handed_off_at is None else row.segments,
        "status": CHANNEL_API[State.QUEUED if state == SENDING else State(state)],
        "handed_off_at": _iso(handed_off_at),
        "delivered_at": iso(row.at) if row.status is State.DELIVERED else None,
        "errored_at": iso(row.at) if bad else None,
        "error_code": _error_code(row) if bad else None,
        "created_at": iso(row.accepted_at),
        "updated_at": iso(row.at),
        # Ours: finer words, what is known at once, and what was asked for beyond the contract.
        "state": state,
        "segments": row.segments,
        "media_urls": list(row.media),
        "redacted": row.redacted,
        "send_at": _iso(row.send_at),
        "reference": row.reference,
        "provider": row.provider,
        "provider_message_id": row.provider_message_id,
        "failure_code": None if row.failure is None else row.failure.code,
        "error": None if row.failure is None else row.failure.detail,
    }


def message_sid(message_id: str) -> str:
    """The contract's external identifier: there at once, and the same through whichever provider it goes."""
    return "SM" + message_id.replace("-", "")


def created(row: StatusRecord, *, replayed: bool = False) -> Reply:
    """What its owner is told of a message that the broker has; the same whatever has become of it since."""
    as_new = row.model_copy(
        update={
            "status": State.QUEUED,
            "at": row.accepted_at,
            "from_number": None,
            "provider": None,
            "provider_message_id": None,
            "failure": None,
            "history": (Step(status=State.QUEUED, at=row.accepted_at),),
        }
    )
    body = json.dumps(members(as_new, _NEW), ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(201, body, "replayed" if replayed else "queued", replayed)


def told(problem: Problem) -> Problem:
    """A problem with the request as this API answers it: 422, where the send API says 400."""
    return replace(problem, http=422) if problem.status == 400 else problem


def _error_code(row: StatusRecord) -> int:
    return CANCELLED if row.failure is None else error_code(row.failure)


def _handed_off_at(row: StatusRecord) -> Millis | None:
    """When a provider took it; where nobody told that, when the first was heard that shows it."""
    failed_there = row.failure is not None and row.failure.code == _FAILED_THERE
    if row.status not in _TAKEN and not failed_there:
        return None
    sent = [step.at for step in row.history if step.status is State.SENT]
    taken = [attempt.at for attempt in row.attempts if attempt.outcome is AttemptOutcome.ACCEPTED]
    return (sent or taken or [row.at])[-1]


def _iso(at: Millis | None) -> str | None:
    return None if at is None else iso(at)
