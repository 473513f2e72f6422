"""What follows from what a dispatcher finds: pure decisions about claims and retries."""

from dataclasses import dataclass

from ledger.claims import Absent, Claim, Closed, Looked, Open, Sending
from schemas.provider import Rejected, Throttled, Unavailable
from schemas.settings import DispatchSettings
from schemas.tasks import How, RecordId, Task

#: A task that meets another's claim looks again after this.
COME_BACK_MS = 10_000
#: A retry due within this stays in the window; a later one goes through the waiting topics.
STAYS_MS = 10_000


@dataclass(frozen=True)
class Go:
    """The claim may be won: intent, then claim."""


@dataclass(frozen=True)
class ComeBack:
    """Another hand-over of this message is under way; look again later."""


@dataclass(frozen=True)
class TakeOver:
    """Another hand-over was under way and its time is over: nobody knows what came of it."""

    claim: Sending


@dataclass(frozen=True)
class SayUnknown:
    """The message is closed as unknown; that may not have been said yet, so it is said again."""

    claim: Closed


@dataclass(frozen=True)
class SayClosed:
    """The message ended without a send; that may not have been said yet."""

    claim: Closed


@dataclass(frozen=True)
class RetryAgain:
    """This record's own retry got as far as the claim; it goes on as that attempt."""

    claim: Open


@dataclass(frozen=True)
class Done:
    """Nothing is left to do about this record."""


Step = Go | ComeBack | TakeOver | SayUnknown | SayClosed | RetryAgain | Done


def step(task: Task, record: RecordId, found: Looked, *, late: bool = False) -> Step:  # noqa: PLR0911 - one line for each case of the rules
    """What a task does about the claim that it finds (docs/protocol.md, rules 2 to 4).

    `late`: its time is over, so it goes nowhere; what it could have won without a doubt is closed by now.
    """
    claim = found.claim
    if wins(task, claim) and not late:
        return Go()
    match claim:
        case Sending():
            return TakeOver(claim) if found.until_passed else ComeBack()
        case Open() if claim.attempt > task.attempt and claim.record == str(record):
            return RetryAgain(claim)
        case Closed(why="unknown"):
            return SayUnknown(claim)
        case Closed(why="sent"):
            return Done()
        case Closed():
            return SayClosed(claim)
        case _:
            return Done()


def wins(task: Task, claim: Claim) -> bool:
    """Whether `task` may take the claim as it was found; the script has the last word."""
    match claim:
        case Absent():
            return task.attempt == 1
        case Open():
            return claim.attempt == task.attempt
        case Closed(why="unknown"):
            return task.how is How.RESEND and task.attempt > 1 and claim.attempt == task.attempt - 1
        case _:
            return False


@dataclass(frozen=True)
class Retry:
    """The next attempt of a task that provably was not handed over."""

    #: Not before this, milliseconds since the epoch.
    due: int
    #: It waits in the window; else in the waiting topics.
    stays: bool


def retry(
    task: Task,
    outcome: Throttled | Unavailable | Rejected,
    settings: DispatchSettings,
    *,
    chance: float,
    now: int,
) -> Retry:
    """When `task` is attempted again, and where it waits until then; `chance` as in `retry_pause_ms`."""
    pause = retry_pause_ms(outcome, task.attempt, settings, chance)
    # One that would be due too late comes back when its time is over, to be told so then.
    due = min(now + pause, max(task.valid_until, now))
    return Retry(due, stays=due - now <= STAYS_MS)


def retry_pause_ms(
    outcome: Throttled | Unavailable | Rejected, attempt: int, settings: DispatchSettings, chance: float
) -> int:
    """How long to wait before the next attempt, in milliseconds.

    Exponential in `attempt`, with jitter from `chance` (0 to 1) over the upper half of the step. A
    provider's `Retry-After` counts within one to two steps of ours: a stranger must not park a message.
    """
    step_seconds = min(
        settings.retry_first_seconds * 2.0 ** min(attempt - 1, 30), settings.retry_longest_seconds
    )
    pause = step_seconds * (0.5 + chance / 2)
    if isinstance(outcome, Throttled) and outcome.retry_after is not None:
        pause = max(step_seconds, min(outcome.retry_after, 2 * step_seconds))
    return round(pause * 1000)
