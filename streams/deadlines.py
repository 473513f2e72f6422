"""What becomes of a message whose hand-over is still unknown at its deadline: its owner's policy acts. Pure.

Facts commute; a deadline does not. It is judged once, by what the row knows at its offset, and what it
came to is kept in the row: there it commutes with all that comes later (docs/protocol.md, rule 8).
"""

from typing import Final

from schemas.facts import Deadline
from schemas.tasks import How, OnUnknown, Task
from streams import words
from streams.rows import Rank, Resend, Row, Word, weightier

#: How often a message is sent again; after that, a hand-over that stays unknown counts as failed.
MOST_RESENDS: Final = 2


def judged(row: Row, fact: Deadline, offset: int) -> Row:
    """The row after the deadline `fact` at `offset`; the same one where there is nothing to settle."""
    unknown = row.word
    if unknown is None or (unknown.rank, unknown.attempt) != (Rank.UNKNOWN, fact.attempt):
        return row
    match fact.task.on_unknown:
        case OnUnknown.RESEND if _may_resend(row, fact):
            return _resent(row, fact, offset, unknown)
        case OnUnknown.RESEND | OnUnknown.FAIL:
            return row._replace(fate=weightier(row.fate, words.failed_by_policy(fact, unknown)))
        case OnUnknown.HOLD:
            return row


def resend(row: Row, fact: Deadline, offset: int) -> Task | None:
    """The task that the deadline `fact` at `offset` has made, as `row` tells that is past it.

    It is made of the fact alone, so a replay after a crash makes the very same.
    """
    if all(one.offset != offset for one in row.resends):
        return None
    again = {"attempt": fact.attempt + 1, "how": How.RESEND, "record": None, "not_before": 0}
    return fact.task.model_copy(update=again)


def put_off(row: Row, fact: Deadline) -> Deadline | None:
    """The deadline of a later attempt, where `fact` finds that one unknown.

    It may have none of its own: a rebuild of the ledger says `ambiguous` and sends off no deadline, and
    the attempt's task may be finished. Nor may `fact` act on it: its hand-over may still be under way.
    """
    unknown = row.word
    if unknown is None or unknown.rank is not Rank.UNKNOWN or (unknown.attempt or 0) <= fact.attempt:
        return None
    return fact.model_copy(
        update={
            "attempt": unknown.attempt,
            "task": fact.task.model_copy(update={"attempt": unknown.attempt}),
            "at": max(fact.at, unknown.at) + fact.waited_ms,
        }
    )


def _may_resend(row: Row, fact: Deadline) -> bool:
    """Not against its owner's wish, not beyond its validity, and not for ever."""
    in_time = fact.at <= fact.task.valid_until
    return in_time and not row.cancel_asked and len(row.resends) < MOST_RESENDS


def _resent(row: Row, fact: Deadline, offset: int, unknown: Word) -> Row:
    again = weightier(row.open, words.resent_by_policy(fact, unknown))
    return row._replace(open=again, resends=(*row.resends, Resend(offset, fact.attempt)))
