"""Another sender for a task that a dispatcher has handed back: a pure decision (docs/routing.md)."""

from dataclasses import dataclass
from typing import Final

from directory.pool import Choice, Parcel, Standing, choose
from directory.snapshot import Directory
from schemas.base import Millis
from schemas.directory import Account
from schemas.messages import Failover
from schemas.refusals import Refused
from schemas.tasks import MOST_SENDERS, Task
from streams.routing import Chosen, said

#: When all that could be tried has been, another sender is asked for again after this, doubling.
_FIRST_PAUSE_MS: Final = 30_000
_LONGEST_PAUSE_MS: Final = 600_000
#: Who hands back knows of a change of the directory that has not come here yet.
_BEHIND_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Stays:
    """No other sender is of more use: the task goes on through its own."""

    task: Task


def reroute(
    failover: Failover, directory: Directory, *, sticky: str | None, standing: Standing, now: Millis
) -> Chosen | Stays:
    """Where the task of `failover` goes on; `now` is the wall clock's, the other arguments as for `route`.

    First whoever has not been tried in this round and may go at once. Where nobody is left a new round
    begins, with all but those that were refused for good.
    """
    task = failover.task
    if task.use_case_id is None or task.confirms:
        return _through_its_number(failover, directory, now)
    choice = _choose(task, directory, sticky, standing)
    # A sender that is of no use for now is as good as another one that must wait.
    must_leave = task.sender not in task.tried_senders
    if isinstance(choice, Choice) and (must_leave or not choice.waits):
        return _moved(failover, task, choice, now)
    task = _new_round(task, now)
    choice = _choose(task, directory, sticky, standing)
    if not isinstance(choice, Choice) or (choice.waits and not must_leave):
        return _stays(failover, task, now)
    return _moved(failover, task, choice, now)


def _choose(
    task: Task, directory: Directory, sticky: str | None, standing: Standing
) -> Choice | Refused | None:
    """The best of those that are not marked; None: enough have been tried in this round."""
    if len(task.tried_senders) >= MOST_SENDERS:
        return None
    return choose(
        directory,
        task.organization,
        task.use_case_id or "",
        Parcel(task.to_number, task.text, task.media, task.segments),
        sticky=sticky,
        standing=standing,
        tried_accounts=task.tried_accounts,
        tried_senders=(*task.tried_senders, *task.refused_senders),
    )


def _through_its_number(failover: Failover, directory: Directory, now: Millis) -> Chosen | Stays:
    """Nobody else may send what names its number; but that may be on another account by now."""
    task = failover.task
    number = directory.number(task.sender)
    account = directory.account(number.account) if number else None
    if account is None or not account.serves(task.organization) or account.id == task.account:
        return _stays(failover, task, now)
    moved = _through(task, task.sender, account)
    return Chosen(moved, f"{failover.why}: {task.sender} sends through account {account.id}")


def _moved(failover: Failover, task: Task, choice: Choice, now: Millis) -> Chosen | Stays:
    if (choice.number.id, choice.account.id) == (task.sender, task.account):
        return _stays(failover, task, now)
    return Chosen(
        _through(task, choice.number.id, choice.account),
        f"failover from {task.sender}: {failover.why}; {said(choice)}",
    )


def _through(task: Task, sender: str, account: Account) -> Task:
    # Its place was in the old sender's line.
    to = {"sender": sender, "account": account.id, "provider": account.provider, "turn": None}
    return task.model_copy(update=to)


def _stays(failover: Failover, task: Task, now: Millis) -> Stays:
    left = failover.task
    if left.sender in (*left.tried_senders, *left.refused_senders):
        return Stays(task)
    return Stays(task.model_copy(update={"not_before": now + _BEHIND_MS}))


def _new_round(task: Task, now: Millis) -> Task:
    """Nobody is barred any more but those that were refused; it stays a while with whom it gets."""
    pause = min(_FIRST_PAUSE_MS * 2 ** min(task.rounds, 10), _LONGEST_PAUSE_MS)
    begun = {
        "tried_accounts": (),
        "tried_senders": (),
        "rounds": task.rounds + 1,
        "stays_until": now + pause,
    }
    return task.model_copy(update=begun)
