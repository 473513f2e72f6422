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
    Deadline,
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


def may_hand_over(case: Case, world: World) -> bool:
    """Whether a dispatcher's scripts decide about this message: where that is built, early ones go on."""
    fresh = world.fresh or not case.obeys(Rule.EARLY_IS_FRESH)
    return ready(case, world) or (case.early and fresh)


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


def with_lost(case: Case, world: World, claim: Claim) -> World:
    """A script has given up a hand-over as unknown; for who asks about it, it notes until when it was."""
    noted = world.ledger.noted or (case.repost and claim != world.ledger.claim)
    return with_ledger(case, world, world.ledger._replace(claim=claim, noted=noted))


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
        case Deadline(attempt=attempt):
            return world._replace(deadlines=world.deadlines | {attempt})


def status(case: Case, world: World) -> State | None:
    """What the fold says of the message."""
    return decisions.status(heard(case, world.facts))


def heard(case: Case, facts: frozenset[Said]) -> frozenset[Said]:
    """The facts as the fold and a rebuild weigh them."""
    match case.without:
        case Rule.AMBIGUOUS_HOLDS:
            return _outweighed(facts)
        case Rule.FAILURE_YIELDS if any(said.kind is Kind.FAILED for said in facts):
            return frozenset(said for said in facts if said.kind is not Kind.ACCEPTED)
        case _:
            return facts


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
    if any(call.nonce == nonce for call in world.accepted):
        as_ = SENT
    return renamed(world, nonce, as_)


def renamed(world: World, old: str, new: str) -> World:
    """The nonce `old` is called `new` everywhere."""
    hands = [
        hand._replace(writing=_all(hand.writing, old, new)) if hand.writing else hand for hand in world.hands
    ]
    asking = world.asking
    return world._replace(
        hands=(hands[0], hands[1]),
        intents=_set(world.intents, old, new),
        facts=_set(world.facts, old, new),
        limbo=_set(world.limbo, old, new) if world.limbo else world.limbo,
        ledger=world.ledger._replace(claim=_claim(world.ledger.claim, old, new)),
        past=tuple([past._replace(claim=_claim(past.claim, old, new)) for past in world.past]),
        rebuilds=(_rebuild(world.rebuilds[0], old, new), _rebuild(world.rebuilds[1], old, new)),
        accepted=_all(world.accepted, old, new),
        asking=asking and _one(asking, old, new),
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
