"""A used key: what a request that comes with it is told. `route` is the judge; this spares it the repeats."""

from dataclasses import dataclass

from ingress import channel, replies
from ingress.codes import Code
from ingress.problems import Problem, passing
from ingress.replies import Reply, Subject
from ledger.holds import Found
from schemas.public import StatusRecord

#: Seconds after which a request may ask again for what another one with its key is about to be told.
_AGAIN_SECONDS = 1
_DOORS = frozenset(Code)


@dataclass(frozen=True)
class Go:
    """The key is this request's: hand the message in."""


@dataclass(frozen=True)
class Wait:
    """The message is on its way, and whoever handed it in was never answered: wait for its outcome."""

    row: StatusRecord


Judgement = Go | Wait | Reply | Problem


def judge(found: Found, message_id: str, asked: frozenset[str], *, queue: bool) -> Judgement:
    """What a request is told, by what the ledger knows of its key; `asked` is its content in all forms.

    Content first: an answer or a row of other content is a conflict, whoever holds the key. What has been
    answered, or is acknowledged, is answered again even while the hold of the first request still runs.
    """
    if found.answer is not None:
        if found.answer.fingerprint not in asked:
            return conflict(message_id)
        return replies.kept(found.answer)
    row = found.seen.row
    if row is None:
        return _unseen(found, message_id)
    if row.fingerprint not in asked:
        return conflict(message_id)
    return _seen(found, row, queue=queue)


def _unseen(found: Found, message_id: str) -> Go | Problem:
    """There is no message yet, or none that the view knows."""
    match found.hold:
        case "own":
            return Go()
        case "live":
            return in_flight(message_id)
        case "bound":
            return conflict(message_id)
        case "none":
            return unsure(message_id)


def _seen(found: Found, row: StatusRecord, *, queue: bool) -> Wait | Reply | Problem:
    """There is the message, of the same content."""
    if row.provider is None and not row.taken_back:
        if row.failure is not None and row.failure.code in _DOORS:
            # No door has accepted it: the same answer again, though it would be taken now.
            return Problem(Code(row.failure.code), row.failure.detail, {"message_id": row.message_id})
        if row.use_case_id is None:
            return unsure(row.message_id)
    if queue or row.send_at is not None:
        return taken(row, replayed=True)
    return in_flight(row.message_id) if found.hold == "live" else Wait(row)


def taken(row: StatusRecord, *, replayed: bool = False) -> Reply:
    """What the owner of an accepted message is told that the broker has; of a repeat the same bytes."""
    if row.use_case_id is not None:
        return channel.created(row, replayed=replayed)
    return replies.queued(subject(row), replayed=replayed)


def subject(row: StatusRecord) -> Subject:
    """The message of a row that has a provider."""
    assert row.provider is not None  # noqa: S101  only what no door accepted, or names no sender, has none
    return Subject(row.message_id, row.provider, row.segments, row.send_at)


def conflict(message_id: str) -> Problem:
    """The key was used with other content."""
    return Problem(
        Code.CONFLICT, "This idempotency key was used with other content", {"message_id": message_id}
    )


def in_flight(message_id: str) -> Problem:
    """Another request with the key is under way."""
    return passing(
        Code.IN_FLIGHT,
        "The first request with this idempotency key is still in flight. Try again in a moment",
        after=_AGAIN_SECONDS,
        message_id=message_id,
    )


def unsure(message_id: str) -> Problem:
    """Nobody can tell at the moment."""
    return passing(
        Code.LEDGER_UNAVAILABLE,
        "Whether this idempotency key was used before cannot be told at the moment. Try again",
        message_id=message_id,
    )
