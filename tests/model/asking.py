"""Asking the provider what became of an unknown attempt: what it answers is a fact like any other.

A question is a record that says itself again, so one may be asked at any moment after `ambiguous`; when it is
never asked, or its answer never comes, nothing is owed.
"""

from collections.abc import Iterator

from tests.model import scripts
from tests.model.case import Case, place_name
from tests.model.changes import landed, ready, renamed, status, with_claim
from tests.model.promises import check_accepted, check_asked, check_leave
from tests.model.rules import Rule
from tests.model.world import DEAD, SENT, Intended, Kind, Move, Said, World


def moves(case: Case, world: World) -> Iterator[Move]:
    """What those who ask may do next."""
    if case.lookup:
        yield from _look_up(case, world)
    if case.repost:
        yield from _ask_leave(case, world)
        yield from _post_again(case, world)
    if case.lookup or case.repost:
        yield from _close(case, world)


def _look_up(case: Case, world: World) -> Iterator[Move]:
    """It sends nothing: what it finds was accepted. That it finds nothing proves nothing (rule 8)."""
    for call in world.accepted:
        if call.nonce != SENT or not _is_unknown(world, call) or _is_known(world, call):
            continue
        words = f"question: attempt {call.attempt} is found at the provider, was accepted"
        yield Move(words, landed(case, world, _accepted(call)), optional=True)


def _ask_leave(case: Case, world: World) -> Iterator[Move]:
    """The script that guards a question which may send."""
    if world.asking is not None or not ready(case, world):
        return
    for call in sorted(_unknown(world)):
        if _has_leave(case, world, call):
            check_leave(world)
            yield Move(
                f"question: has leave to send attempt {call.attempt} once more",
                world._replace(asking=call),
                optional=True,
            )


def _has_leave(case: Case, world: World, call: Intended) -> bool:
    if world.ledger.opted_out and case.obeys(Rule.ASK_ALLOWED):
        return False
    acted = {Said(Kind.FAILED, call.attempt), Said(Kind.RESENT, call.attempt)} & world.facts
    ledger = world.ledger
    return not world.late and scripts.may_send_again(
        case.without, ledger.claim, call, noted=ledger.noted, acted=bool(acted)
    )


def _post_again(case: Case, world: World) -> Iterator[Move]:
    """The same request with the same nonce: the provider takes it once. Or the time for it is over."""
    call = world.asking
    if call is None:
        return
    over = world._replace(asking=None)
    words = f"question: SENDS attempt {call.attempt} once more"
    yield Move("question: is not asked, or learns nothing", over)
    if call not in world.accepted:
        check_asked(status(case, world))
        check_accepted(world, call.attempt)
        over = renamed(over._replace(accepted=(*over.accepted, call)), call.nonce, SENT)
        call = call._replace(nonce=SENT)
        yield Move(f"{words}: no answer, was ACCEPTED", over)
    yield Move(f"{words}: ACCEPTED", landed(case, over, _accepted(call)))


def _close(case: Case, world: World) -> Iterator[Move]:
    """After the fact, `close.lua`; the one who asked may be slow, or never come to it."""
    if not ready(case, world):
        return
    for said in sorted(world.facts):
        if said.kind is Kind.ACCEPTED and said.nonces == (SENT,):
            claim = scripts.close(world.ledger.claim, said.attempt, SENT)
            if claim != world.ledger.claim:
                yield Move(
                    "question: closes the claim that it was about",
                    with_claim(case, world, claim),
                    optional=True,
                )


def _unknown(world: World) -> set[Intended]:
    """The hand-overs that may be asked about: called ambiguous, by a nonce that nobody is using any more."""
    return {
        Intended(said.attempt, nonce)
        for said in world.facts
        if said.kind is Kind.AMBIGUOUS
        for nonce in said.nonces
        if nonce in (DEAD, SENT)
    }


def _accepted(call: Intended) -> Said:
    """The answer as a fact. Whose record it was does not matter: the message is settled."""
    return Said(Kind.ACCEPTED, call.attempt, (call.nonce,), place_name(0))


def _is_known(world: World, call: Intended) -> bool:
    return any(said.kind is Kind.ACCEPTED and said.attempt == call.attempt for said in world.facts)


def _is_unknown(world: World, call: Intended) -> bool:
    return any(said.kind is Kind.AMBIGUOUS and said.attempt == call.attempt for said in world.facts)
