"""Small changes to a world that several parts of the model make."""

from functools import cache
from typing import TypeVar

from ledger.claims import Claim, Closed, Sending
from schemas.status import State
from tests.model import decisions
from tests.model.case import Case, Fault
from tests.model.promises import check_told
from tests.model.rules import Rule
from tests.model.world import (
    DEAD,
    HELD,
    IDLE,
    SENT,
    Hand,
    Intended,
    Kind,
    Ledger,
    Rebuild,
    Said,
    Waiting,
    World,
    Written,
)

W = TypeVar("W", bound=Written)


def ready(case: Case, world: World) -> bool:
    """Whether scripts about claims decide; until then everything that asks holds."""
    return world.ledger.epoch or not case.obeys(Rule.EPOCH)


def with_ledger(case: Case, world: World, ledger: Ledger) -> World:
    """The server holds something else from now on."""
    if ledger == world.ledger:
        return world
    past = world.past
    if Fault.ROLLBACK in case.faults and world.faults_left:
        past = (*past, world.ledger)[-case.memory :]
    return world._replace(ledger=ledger, past=past)


def with_claim(case: Case, world: World, claim: Claim) -> World:
    """A script has written the claim."""
    return with_ledger(case, world, world.ledger._replace(claim=claim))


def landed(case: Case, world: World, written: Written) -> World:
    """The broker has taken it."""
    match written:
        case Said():
            facts = world.facts | {written}
            check_told(status(case, world), status(case, world._replace(facts=facts)))
            return world._replace(facts=facts)
        case Intended():
            return world._replace(intents=world.intents | {written})
        case Waiting(copy=copy):
            return world._replace(waiting=tuple(sorted((*world.waiting, copy))))


def status(case: Case, world: World) -> State | None:
    """What the fold says of the message."""
    return decisions.status(heard(case, world.facts))


def heard(case: Case, facts: frozenset[Said]) -> frozenset[Said]:
    """The facts as the fold and a rebuild weigh them."""
    return facts if case.obeys(Rule.AMBIGUOUS_HOLDS) else _outweighed(facts)


@cache
def _outweighed(facts: frozenset[Said]) -> frozenset[Said]:
    refused = {said.attempt for said in facts if said.kind is Kind.REFUSED}
    return frozenset(s for s in facts if not (s.kind is Kind.AMBIGUOUS and s.attempt in refused))


def with_hand(world: World, index: int, hand: Hand) -> World:
    """Another state of one hand."""
    first, second = world.hands
    return world._replace(hands=(hand, second) if index == 0 else (first, hand))


def finished(world: World, index: int) -> World:
    """Nothing more is done about the record in this hand; the owner may commit beyond it."""
    hand = world.hands[index]
    if not hand.former:
        world = world._replace(finished=world.finished | 1 << hand.place)
    return with_hand(world, index, IDLE)


def forgotten(world: World, index: int, *, as_: str = DEAD) -> World:
    """The hand acts on its nonce no more."""
    nonce = HELD[index]
    if world.accepted is not None and world.accepted.nonce == nonce:
        as_ = SENT
    return _renamed(world, nonce, as_)


def _renamed(world: World, old: str, new: str) -> World:
    """The nonce `old` is called `new` everywhere."""
    hands = [
        hand._replace(writing=_all(hand.writing, old, new)) if hand.writing else hand for hand in world.hands
    ]
    accepted = world.accepted
    if accepted is not None and accepted.nonce == old:
        accepted = accepted._replace(nonce=new)
    return world._replace(
        hands=(hands[0], hands[1]),
        intents=_set(world.intents, old, new),
        facts=_set(world.facts, old, new),
        limbo=_set(world.limbo, old, new) if world.limbo else world.limbo,
        ledger=world.ledger._replace(claim=_claim(world.ledger.claim, old, new)),
        past=tuple([past._replace(claim=_claim(past.claim, old, new)) for past in world.past]),
        rebuilds=(_rebuild(world.rebuilds[0], old, new), _rebuild(world.rebuilds[1], old, new)),
        accepted=accepted,
    )


def _rebuild(rebuild: Rebuild | None, old: str, new: str) -> Rebuild | None:
    if rebuild is None:
        return None
    return rebuild._replace(
        claim=_claim(rebuild.claim, old, new),
        before=_all(rebuild.before, old, new),
        after=_all(rebuild.after, old, new),
    )


@cache
def _claim(claim: Claim, old: str, new: str) -> Claim:
    match claim:
        case Sending(attempt, record, nonce, until, maybe_sent) if nonce == old:
            return Sending(attempt, record, new, until, maybe_sent)
        case Closed(why, attempt, nonce) if nonce == old:
            return Closed(why, attempt, new)
    return claim


@cache
def _set(written: frozenset[W], old: str, new: str) -> frozenset[W]:
    return frozenset(_one(one, old, new) for one in written)


def _all(written: tuple[W, ...], old: str, new: str) -> tuple[W, ...]:
    return tuple([_one(one, old, new) for one in written])


def _one(written: W, old: str, new: str) -> W:
    match written:
        case Said(nonces=nonces) if old in nonces:
            return written._replace(
                nonces=tuple(sorted({new if nonce == old else nonce for nonce in nonces}))
            )
        case Intended(nonce=nonce) if nonce == old:
            return written._replace(nonce=new)
    return written
