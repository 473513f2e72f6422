"""Everybody but the dispatchers: time, the mover, the door that cancels, the provider's receipts."""

from collections.abc import Iterator

from ledger.claims import Absent, Claim, Closed, Open, Sending
from tests.model import scripts
from tests.model.case import Case
from tests.model.changes import landed, ready, with_claim, with_hand, with_ledger
from tests.model.rules import Rule
from tests.model.words import of_claim, of_written
from tests.model.world import HELD, OVER, REFUSED, At, Cancel, Copy, Kind, Move, Said, World

_CANCELLED = Said(Kind.CANCELLED)


def moves(case: Case, world: World) -> Iterator[Move]:
    """What they may do next."""
    for n, copy in enumerate(world.waiting):
        if n == 0 or world.waiting[n - 1] != copy:
            yield Move(f"mover: attempt {copy.attempt} is due", due(world, n))
    yield from _time(case, world)
    yield from _cancel(case, world)
    yield from _receipt(case, world)
    if case.opt_out and not world.opted_out:
        # The topic has it, then the ledger: from then on it is in force.
        ledger = world.ledger._replace(opted_out=True)
        yield Move(
            "recipient: OPTS OUT",
            with_ledger(case, world._replace(opted_out=True), ledger),
            optional=True,
        )
    yield from _late_writes(case, world)


def due(world: World, n: int) -> World:
    """A record that waited goes to its target."""
    copy = world.waiting[n]
    return with_copy(world._replace(waiting=world.waiting[:n] + world.waiting[n + 1 :]), copy)


def with_copy(world: World, copy: Copy) -> World:
    """One more record in the log."""
    return world._replace(log=(*world.log, copy))


def _time(case: Case, world: World) -> Iterator[Move]:
    """`until` passes for the ledger and for whoever holds the claim, also when that was lost."""
    claim = world.ledger.claim
    holder = HELD.index(claim.nonce) if isinstance(claim, Sending) and claim.nonce in HELD else None
    if isinstance(claim, Sending) and claim.until != OVER:
        over = Sending(claim.attempt, claim.record, claim.nonce, OVER, claim.maybe_sent)
        after = world._replace(ledger=world.ledger._replace(claim=over))
        if holder is not None and world.hands[holder].at in (At.CLAIM_AGAIN, At.POST):
            after = with_hand(after, holder, after.hands[holder]._replace(over=True))
        yield Move("time: `until` passes", after)
    for index, hand in enumerate(world.hands):
        if hand.at is At.POST and not hand.over and index != holder:
            yield Move(
                "time: `until` of a claim that is gone passes",
                with_hand(world, index, hand._replace(over=True)),
            )
    waits = any(hand.attempt > case.attempts for hand in world.hands)
    if not world.late and (case.expiry or waits):
        yield Move("time: the message's validity is over", world._replace(late=True), optional=not waits)


def _cancel(case: Case, world: World) -> Iterator[Move]:
    """`ingress/cancelling.py`; a DELETE that ended without a decision may be repeated."""
    match world.cancel:
        case Cancel.NONE | Cancel.TOO_LATE:
            # The look needs no epoch.
            if attempt := _next(world.ledger.claim):
                yield Move(
                    f"cancel: looks, attempt {attempt} is next", _looked(world, attempt), optional=True
                )
        case Cancel.LOOKED:
            said = Said(Kind.CANCEL_ASKED, world.asked_of)
            asked = landed(case, world, said) if case.obeys(Rule.CANCEL_ASKED_FIRST) else world
            yield Move("cancel: asked, acknowledged", asked._replace(cancel=Cancel.ASKED), optional=True)
        case Cancel.ASKED:
            yield _decided(case, world)
        case Cancel.DECIDED:
            told = landed(case, world, _CANCELLED)
            yield Move(
                "cancel: told, acknowledged; answered CANCELLED", told._replace(cancel=Cancel.ANSWERED)
            )


def _next(claim: Claim) -> int:
    """The attempt that a cancel can still prevent; 0: it is too late."""
    match claim:
        case Absent():
            return 1
        case Open(attempt=attempt, maybe_sent=False):
            return attempt
    return 0


def _looked(world: World, attempt: int) -> World:
    return world._replace(cancel=Cancel.LOOKED, asked_of=attempt)


def _decided(case: Case, world: World) -> Move:
    """The script's answer, and what is told of it."""
    over = world._replace(cancel=Cancel.NONE, asked_of=0)
    if not ready(case, world):
        return Move("cancel: answered 503", over)
    claim = scripts.cancel(case.without, world.ledger.claim, world.asked_of)
    if isinstance(claim, Closed) and claim.why == "cancelled":
        after = with_claim(case, over, claim)
        return Move(
            "cancel: wins, closes the claim",
            after._replace(cancel=Cancel.DECIDED),
            unanswered=after if claim != world.ledger.claim else None,
        )
    if attempt := _next(claim):
        return Move(f"cancel: finds {of_claim(claim)}", _looked(world, attempt))
    expired = isinstance(claim, Closed) and claim.why == "expired"
    after = over if expired or _granted(world) else over._replace(cancel=Cancel.TOO_LATE)
    return Move(f"cancel: answered too late, {of_claim(claim)}", after)


def _granted(world: World) -> bool:
    """Whether a rebuild has granted the wish, which is being told: the ledger was lost twice since."""
    telling = any(rebuild is not None and _CANCELLED in rebuild.after for rebuild in world.rebuilds)
    return telling or _CANCELLED in world.facts or _CANCELLED in world.limbo


def _receipt(case: Case, world: World) -> Iterator[Move]:
    """A receipt comes at any moment after the provider has the message; some never do."""
    if case.receipts and world.accepted and all(known.kind is not Kind.DELIVERED for known in world.facts):
        for call in world.accepted:
            said = Said(Kind.DELIVERED, call.attempt, (call.nonce,))
            yield Move("provider: its receipt says delivered", landed(case, world, said), optional=True)


def _late_writes(case: Case, world: World) -> Iterator[Move]:
    for written in world.limbo:
        after = landed(case, world._replace(limbo=world.limbo - {written}), written)
        yield Move(f"(of a dead process: {of_written(written)} lands)", after, optional=True)
    standing = frozenset(intent for intent in world.intents if intent.nonce != REFUSED)
    if standing != world.intents:
        yield Move("intents that won nothing are voided", world._replace(intents=standing), optional=True)
