"""Deadlines of unknown attempts: the fold acts on them as the policy says (`streams/deadlines.py`)."""

from collections.abc import Iterator

from schemas.tasks import How
from tests.model import decisions
from tests.model.case import Case
from tests.model.changes import heard, landed
from tests.model.rules import Rule
from tests.model.world import At, Copy, Deadline, Kind, Move, World


def moves(case: Case, world: World) -> Iterator[Move]:
    """Deadlines that may come due next."""
    for attempt in sorted(world.deadlines):
        if not (_under_way(world, attempt) and case.obeys(Rule.DEADLINE_AFTER_UNTIL)):
            yield _due(case, world, attempt)


def resent(world: World, attempt: int) -> World:
    """The fold's task for the attempt after `attempt` lies in the log."""
    return world._replace(log=(*world.log, Copy(attempt + 1, "", How.RESEND)))


def _under_way(world: World, attempt: int) -> bool:
    """Whether a request of this attempt may still leave: a deadline is due later than any `until`."""
    asking = world.asking is not None and world.asking.attempt == attempt
    return asking or any(
        hand.attempt == attempt and hand.at in (At.CLAIM_AGAIN, At.POST, At.POST_BLIND) and not hand.over
        for hand in world.hands
    )


def _due(case: Case, world: World, attempt: int) -> Move:
    facts = heard(case, world.facts)
    if not case.obeys(Rule.CANCEL_BEFORE_RESEND):
        facts = frozenset(said for said in facts if said.kind is not Kind.CANCEL_ASKED)
    may_resend = attempt < case.attempts and not world.late
    after = world._replace(deadlines=world.deadlines - {attempt})
    said = decisions.at_deadline(facts, attempt, case.policy, may_resend=may_resend)
    words = f"fold: the deadline of attempt {attempt} is due"
    later = decisions.unknown_attempt(facts)
    if later > attempt and case.obeys(Rule.DEADLINE_PUT_OFF):
        return Move(f"{words}, put off as that of {later}", landed(case, after, Deadline(later)))
    if said is None:
        return Move(f"{words}, and there is nothing to settle", after)
    after = landed(case, after, said)
    if said.kind is Kind.FAILED:
        return Move(f"{words}: FAILED by policy", after)
    return Move(f"{words}: SENT AGAIN by policy, as attempt {attempt + 1}", resent(after, attempt))
