"""What providers are asked about earlier hand-overs, and what follows from their answers: pure decisions.

Two kinds of questions: about a hand-over whose outcome is unknown, and about a message that was sent and
has had no receipt for long (docs/dispatchers.md, docs/providers.md).
"""

from dataclasses import dataclass
from typing import Final, assert_never

from dispatchers.port import Answer, Found, NoAnswer, NotFound, Refused, Several, Standing
from ledger.asking import ASKABLE_MS
from schemas.facts import AmbiguousFact, AnyFact, OutcomeFact, ReceiptStatus, Reported, attempted
from schemas.provider import ASKABLE, Accepted, Provider, Rejected
from schemas.public import StatusRecord
from schemas.settings import DispatchSettings
from schemas.status import State
from schemas.tasks import Inquiry, OnUnknown, Task

#: How long before each question about an unknown hand-over: after it is so, then after the last question.
_UNKNOWN_MS: Final = (20_000, 60_000, 300_000, 1_800_000, 7_200_000)
#: Likewise of a message without a receipt, after the first question.
_SENT_MS: Final = (3_600_000, 6 * 3_600_000)
#: The last question comes this long before the time for it is over, if it would come too late otherwise.
_IN_TIME_MS: Final = 15_000
#: A `Retry-After` counts up to this: a stranger must not put an answer off for ever.
_LONGEST_PAUSE_S: Final = 3_600.0


@dataclass(frozen=True)
class Learned:
    """What the answer says, as facts: told, and then the claim of an unknown hand-over is closed."""

    facts: tuple[AnyFact, ...]


@dataclass(frozen=True)
class Again:
    """Nothing was learned for good: it is asked once more."""

    inquiry: Inquiry


@dataclass(frozen=True)
class Enough:
    """Nothing was learned, and nothing will be asked any more."""


Next = Learned | Again | Enough


def first(fact: AmbiguousFact, task: Task, settings: DispatchSettings) -> Inquiry | None:
    """The question that follows from `fact`, which speaks of the hand-over of `task`; None: there is none.

    More than one nonce, or none, comes from a rebuild of the ledger: nobody knows what was handed over when.
    """
    if task.provider not in ASKABLE or len(fact.nonces) != 1:
        return None
    not_before = fact.at + _UNKNOWN_MS[0]
    ask_until = min(_last_moment(fact, task, settings), task.forget_at)
    if task.provider is Provider.TELNYX:
        # The question is the request itself. Telnyx replays only what it has answered with success: a text
        # that it sent and then failed on is sent once more. Only an owner who takes that may be helped so.
        if task.on_unknown is not OnUnknown.RESEND:
            return None
        ask_until = min(ask_until, task.valid_until)
    if ask_until < not_before:
        return None
    return Inquiry(
        message_id=task.message_id,
        organization=task.organization,
        attempt=fact.attempt,
        provider=task.provider,
        account=task.account,
        sender=task.sender,
        to_number=task.to_number,
        forget_at=task.forget_at,
        sent_at=fact.at,
        task=task,
        nonce=fact.nonces[0],
        not_before=not_before,
        ask_until=ask_until,
    )


def _last_moment(fact: AmbiguousFact, task: Task, settings: DispatchSettings) -> int:
    """What is asked ends before the policy acts, also where clocks differ by as long as a hand-over lasts."""
    if task.on_unknown is OnUnknown.HOLD:
        return fact.at + ASKABLE_MS
    return fact.at + round(settings.settle_seconds * 1000) - 2 * settings.hold_ms


def sends_within(task: Task, settings: DispatchSettings) -> int | None:
    """For how long after its hand-over was over the same request may be made again, in milliseconds.

    None: for as long as the ledger knows of it. Less than 0: only before that.

    Whoever finds the hand-over unknown says so, and each time another deadline follows; the first one acts.
    None is due before `settle_seconds` after the claim, which was won one hold before it was over. Of the two
    further holds one is the request's own, one is for clocks that differ.
    """
    if task.on_unknown is OnUnknown.HOLD:
        return None
    return round(settings.settle_seconds * 1000) - 3 * settings.hold_ms


def is_settled(inquiry: Inquiry, row: StatusRecord | None) -> bool:
    """Whether the status view, which may be behind, knows already what is asked."""
    if row is None:
        return False
    if inquiry.task is None:
        return row.status is not State.SENT
    return row.status not in (State.QUEUED, State.UNKNOWN)


def follows(inquiry: Inquiry, answer: Answer, now: int) -> Next:
    """What an answer at `now` comes to."""
    match answer:
        case Found(accepted=accepted, standing=standing):
            ended = standing is not None and standing.status is not ReceiptStatus.SENT
            reported = (_reported(inquiry, accepted, standing, now),) if standing and ended else ()
            if inquiry.task is not None:
                return Learned((_outcome(inquiry, inquiry.task, accepted, now), *reported))
            return Learned(reported) if reported else _again(inquiry, now)
        case Refused(rejected=rejected):
            if inquiry.task is None:
                return _again(inquiry, now)
            return Learned((_outcome(inquiry, inquiry.task, rejected, now),))
        case NotFound() | Several():
            return _again(inquiry, now)
        case NoAnswer(retry_after=seconds):
            return _again(inquiry, now, min(seconds or 0.0, _LONGEST_PAUSE_S))
        case _:
            assert_never(answer)


def _again(inquiry: Inquiry, now: int, pause_seconds: float = 0.0) -> Again | Enough:
    asked = inquiry.asked + 1
    steps = _steps(inquiry)
    if asked > len(steps):
        return Enough()
    due = now + max(steps[asked - 1], round(pause_seconds * 1000))
    if due > inquiry.ask_until:
        due = inquiry.ask_until - _IN_TIME_MS
        if due < now + _UNKNOWN_MS[0]:
            return Enough()
    return Again(inquiry.model_copy(update={"asked": asked, "not_before": due}))


def _steps(inquiry: Inquiry) -> tuple[int, ...]:
    """How long before each further question."""
    if inquiry.task is None:
        return _SENT_MS
    # Each one may send: one more, for a first request that Telnyx was still busy with.
    return _UNKNOWN_MS[1:2] if inquiry.provider is Provider.TELNYX else _UNKNOWN_MS[1:]


def _outcome(inquiry: Inquiry, task: Task, outcome: Accepted | Rejected, now: int) -> OutcomeFact:
    if task.record is None:
        raise ValueError(f"{inquiry.message_id}: the task of an inquiry does not name its record")
    return OutcomeFact(
        **attempted(inquiry, now), nonce=inquiry.nonce, record=task.record, outcome=outcome, asked=True
    )


def _reported(inquiry: Inquiry, accepted: Accepted, standing: Standing, now: int) -> Reported:
    return Reported(
        **attempted(inquiry, now),
        provider_message_id=accepted.provider_message_id,
        status=standing.status,
        code=standing.code,
        fault=standing.fault,
        detail=standing.detail,
    )
