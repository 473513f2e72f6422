"""`queue: false`: the provider's outcome as the answer, or how far the message has got by then."""

from ingress import progress, replies
from ingress.codes import Code
from ingress.idempotency import conflict
from ingress.problems import Problem
from ingress.replies import Reply, Subject
from ledger.view import Seen
from schemas.public import StatusRecord
from schemas.status import State

#: A failure of one of these codes is ours, before any hand-over; the fold's own are others.
#: That a recipient has opted out is decided at the hand-over of a message that names its sender.
_DOORS = frozenset(Code) - {Code.OPTED_OUT}


def answer(subject: Subject, asked: frozenset[str], seen: Seen | None) -> Reply | Problem:
    """The answer for `subject`, whose content `asked` is in all forms, once it is decided or its time is up.

    `seen` is the last that was seen of it; None: the ledger could not be asked.

    Returns:
        A Problem only where the message under this id turned out to be another one: nothing to be kept.
    """
    if seen is None or seen.row is None:
        return replies.late(subject, progress.far(seen, subject.provider), State.QUEUED)
    row = seen.row
    if row.fingerprint not in asked:
        # The other door was quicker with the same key, and `route` has refused ours under an id of its own.
        return conflict(subject.message_id)
    if row.provider is not None:
        subject = Subject(row.message_id, row.provider, row.segments)
    if not progress.decided(seen):
        return replies.late(subject, progress.far(seen, subject.provider), progress.state(row, seen))
    if seen.cancelled:
        return replies.cancelled(subject)
    return _ended(subject, row)


def _ended(subject: Subject, row: StatusRecord) -> Reply:
    match row.status:
        case State.SENT | State.DELIVERED:
            return replies.sent(subject)
        case State.CANCELLED:
            return replies.cancelled(subject)
        case _:
            return replies.of_problem(_failed(subject, row))


def _failed(subject: Subject, row: StatusRecord) -> Problem:
    failure = row.failure
    if failure is not None and failure.code in _DOORS:
        # Refused after acceptance: what it leaned on was changed meanwhile.
        return Problem(Code(failure.code), failure.detail, {"message_id": row.message_id})
    more = {
        "success": False,
        "message_id": row.message_id,
        "provider": subject.provider,
        "status": "failed",
        "num_segments": subject.segments,
        "state": row.status,
        "failure_code": None if failure is None else failure.code,
        "reason": None if failure is None else failure.detail,
    }
    return Problem(Code.SEND_FAILED, f"Failed to send SMS via {subject.provider}", more)
