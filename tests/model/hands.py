"""What is said and asked of a dispatcher's hand."""

from schemas.tasks import How, OnUnknown
from tests.model import scripts
from tests.model.case import Case, place_name
from tests.model.changes import with_hand
from tests.model.rules import Rule
from tests.model.world import HELD, At, Deadline, Hand, Said, World, Written


def name_of(world: World, index: int) -> str:
    """What it is called in a trace."""
    if world.hands[index].former:
        return "former owner"
    return "owner" if index == 0 else "owner, meanwhile"


def identity(world: World, hand: Hand) -> str:
    """The identity of its task."""
    return world.log[hand.place].record or place_name(hand.place)


def how_of(world: World, hand: Hand) -> How:
    """How its task came to be, as the attempt that it is in hand as."""
    copy = world.log[hand.place]
    return retried(copy.how) if hand.attempt > copy.attempt else copy.how


def retried(how: How) -> How:
    """How the retry of a task came to be."""
    return How.PLAIN if how is How.PLAIN else How.AFTER_UNKNOWN


def asking(world: World, index: int) -> scripts.Ask:
    """The claim that it asks for, or holds."""
    hand = world.hands[index]
    return scripts.Ask(hand.attempt, how_of(world, hand), HELD[index], identity(world, hand))


def to_say_unknown(case: Case, world: World, index: int, said: Said, *, again: bool = False) -> World:
    """The hand says `ambiguous`; then the deadline, where there is a policy to act; then it finishes.

    `again`: it has found the attempt unknown, and did not make it so.
    """
    hand = world.hands[index]._replace(posted=False)
    silent = again and not case.obeys(Rule.DEADLINE_AGAIN)
    if case.policy is OnUnknown.HOLD or silent:
        return to_write(world, index, hand, said)
    hand = hand._replace(attempt=said.attempt)
    if not case.obeys(Rule.AMBIGUOUS_BEFORE_DEADLINE):
        return to_write(world, index, hand, said, Deadline(said.attempt))
    return to_write(world, index, hand, said, then=At.DEADLINE)


def to_write(world: World, index: int, hand: Hand, *writing: Written, then: At = At.FINISH) -> World:
    """The hand writes all of this, and then goes on."""
    return with_hand(world, index, hand._replace(at=At.WRITE, writing=writing, then=then))
