"""When another sender may take a task over, and what asks `route` for one. Pure (docs/protocol.md, rule 5).

Only for tasks of use cases, whose pools have other numbers; and only for what provably was not handed over.
`route` chooses. Every copy of a task is of one attempt and one record, so the claim lets one of them win.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from schemas.codes import too_fast
from schemas.messages import Failover
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Rejected, Throttled, Unavailable
from schemas.tasks import MOST_SENDERS, RecordId, Task

#: So many attempts through one account may come to nothing; then another one is tried.
MOST_ATTEMPTS: Final = 3


class Trouble(Enum):
    """Why a task leaves its sender, as far as `route` must know."""

    #: The provider refuses the number, or the directory does not let it send: it is never chosen again.
    REFUSED = "refused"
    #: It is of no use for now: too fast for its provider, or its day is used up.
    NUMBER = "number"
    #: Nor is anything of its account.
    ACCOUNT = "account"
    #: It is on another account than when it was chosen, and as good as any.
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A task should leave its sender."""

    #: In words for operators.
    why: str
    trouble: Trouble


def may_fail_over(task: Task, now: int) -> bool:
    """Whether another sender may be asked for, should its own be of no use for now.

    Not at once where `route` has had no other: it says how long the task is to stay.
    """
    return _others_may(task, now) and now >= task.stays_until


def may_replace(task: Task, now: int) -> bool:
    """Whether another sender may be asked for, should its own be refused for good.

    Not again where `route` has had no other: then its own is among those that were refused.
    """
    return (
        _others_may(task, now)
        and task.sender not in task.refused_senders
        and len(task.refused_senders) + 1 < MOST_SENDERS
    )


def _others_may(task: Task, now: int) -> bool:
    return task.use_case_id is not None and not task.confirms and now < task.valid_until


def refuses_sender(outcome: Outcome) -> bool:
    """Whether the provider refuses the sender for good, and neither the text nor the recipient."""
    return isinstance(outcome, Rejected) and outcome.fault is Fault.SENDER


def given_up(task: Task, outcome: Outcome, *, breaker_open: bool) -> GivenUp | None:
    """Why `task` should leave its sender after this outcome; None: it should not."""
    match outcome:
        case Rejected(code=code, detail=detail) if refuses_sender(outcome):
            why = f"{task.provider} refuses the sender: {f'{code} ' if code else ''}{detail}"
            return GivenUp(why, Trouble.REFUSED)
        case Throttled() | Unavailable() if breaker_open:
            return GivenUp(f"the breaker of account {task.account} is open", Trouble.ACCOUNT)
        case Throttled(detail=detail) | Unavailable(detail=detail):
            attempts = task.attempt + 1 - task.first_attempt
            if attempts >= MOST_ATTEMPTS:
                why = f"{attempts} attempts through account {task.account} came to nothing: {detail}"
                return GivenUp(why, _in_trouble(task, outcome))
        case Accepted() | Rejected() | Ambiguous():
            pass
    return None


def _in_trouble(task: Task, outcome: Throttled | Unavailable) -> Trouble:
    of_number = isinstance(outcome, Throttled) and too_fast(task.provider, outcome.code) == "number"
    return Trouble.NUMBER if of_number else Trouble.ACCOUNT


def failing_over(task: Task, record: RecordId, why: str, trouble: Trouble) -> Failover:
    """What asks `route` for another sender of `task`, whose next attempt it is.

    Where there is none of more use the task comes back, and its sender is tried once more: so a refusal is
    the end of a message only by the claim (docs/decisions/0063).

    Args:
        task: as it is to be tried next; it goes at once.
        record: its identity, which it carries on.
        why: in words for operators.
        trouble: whom `route` is not to choose again, and for how long.
    """
    return Failover(
        message_id=task.message_id,
        organization=task.organization,
        forget_at=task.forget_at,
        task=task.model_copy(
            update={
                "record": record,
                **_marks(task, trouble),
                "first_attempt": task.attempt,
                "not_before": 0,
            }
        ),
        why=why,
    )


def _marks(task: Task, trouble: Trouble) -> dict[str, Any]:
    """The fields of `task` that say whom `route` is not to choose again."""
    match trouble:
        case Trouble.MOVED:
            return {}
        case Trouble.REFUSED:
            return {"refused_senders": _with(task.refused_senders, task.sender)}
        case Trouble.NUMBER:
            return {"tried_senders": _with(task.tried_senders, task.sender)}
        case Trouble.ACCOUNT:
            return {
                "tried_senders": _with(task.tried_senders, task.sender),
                "tried_accounts": _with(task.tried_accounts, task.account),
            }


def _with(known: tuple[str, ...], one: str) -> tuple[str, ...]:
    return known if one in known else (*known, one)
