"""When another sender may take a task over, and what asks `route` for one. Pure (docs/protocol.md, rule 5).

Only for tasks of use cases, whose pools have other numbers; and only for what provably was not handed over.
`route` chooses. Every copy of a task is of one attempt and one record, so the claim lets one of them win.
"""

from typing import Final

from schemas.messages import Failover
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Rejected, Throttled, Unavailable
from schemas.tasks import RecordId, Task

#: So many attempts through one account may come to nothing; then another one is tried.
MOST_ATTEMPTS: Final = 3
#: Most senders of one message.
MOST_SENDERS: Final = 5


def may_fail_over(task: Task, now: int) -> bool:
    """Whether another sender may be asked for, should its own be of no use.

    Not again where `route` has had no other: then its own sender is among those that it has tried.
    """
    return (
        task.use_case_id is not None
        and not task.confirms
        and now < task.valid_until
        and task.sender not in task.tried_senders
        and len(task.tried_senders) + 1 < MOST_SENDERS
    )


def refuses_sender(outcome: Outcome) -> bool:
    """Whether the provider refuses the sender for good, and neither the text nor the recipient."""
    return isinstance(outcome, Rejected) and outcome.fault is Fault.SENDER


def given_up(task: Task, outcome: Outcome, *, breaker_open: bool) -> str | None:
    """Why `task` should leave its sender after this outcome, in words for operators; None: it should not."""
    match outcome:
        case Rejected(code=code, detail=detail) if refuses_sender(outcome):
            return f"{task.provider} refuses the sender: {f'{code} ' if code else ''}{detail}"
        case Throttled() | Unavailable() if breaker_open:
            return f"the breaker of account {task.account} is open"
        case Throttled(detail=detail) | Unavailable(detail=detail):
            attempts = task.attempt + 1 - task.first_attempt
            if attempts >= MOST_ATTEMPTS:
                return f"{attempts} attempts through account {task.account} came to nothing: {detail}"
        case Accepted() | Rejected() | Ambiguous():
            pass
    return None


def failing_over(task: Task, record: RecordId, why: str, *, tried_account: bool = True) -> Failover:
    """What asks `route` for another sender of `task`, whose next attempt it is.

    Where there is none the task comes back, and its sender is tried once more: so a refusal is the end of a
    message only by the claim (docs/decisions/0063).

    Args:
        task: as it is to be tried next; it goes at once.
        record: its identity, which it carries on.
        why: in words for operators.
        tried_account: it is its account that is of no use, and not this number alone.
    """
    accounts = (*task.tried_accounts, *((task.account,) if tried_account else ()))
    return Failover(
        message_id=task.message_id,
        organization=task.organization,
        forget_at=task.forget_at,
        task=task.model_copy(
            update={
                "record": record,
                "tried_accounts": tuple(dict.fromkeys(accounts)),
                "first_attempt": task.attempt,
                "not_before": 0,
            }
        ),
        why=why,
    )
