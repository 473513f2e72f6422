"""What is said and asked of a dispatcher's hand."""

from tests.model import scripts
from tests.model.case import place_name
from tests.model.changes import with_hand
from tests.model.world import HELD, At, Hand, World, Written


def name_of(world: World, index: int) -> str:
    """What it is called in a trace."""
    if world.hands[index].former:
        return "former owner"
    return "owner" if index == 0 else "owner, meanwhile"


def identity(world: World, hand: Hand) -> str:
    """The identity of its task."""
    return world.log[hand.place].record or place_name(hand.place)


def asking(world: World, index: int) -> scripts.Ask:
    """The claim that it asks for, or holds."""
    hand = world.hands[index]
    return scripts.Ask(hand.attempt, world.log[hand.place].how, HELD[index], identity(world, hand))


def to_write(world: World, index: int, hand: Hand, *writing: Written, then: At = At.FINISH) -> World:
    """The hand writes all of this, and then goes on."""
    return with_hand(world, index, hand._replace(at=At.WRITE, writing=writing, then=then))
