"""A rebuild of the ledger: `ledger/rebuild.py`, with the claim and the words of `ledger/history.py`.

Locking and reading are one step: what is written in between is decided by nobody, for scripts hold.
"""

from collections.abc import Iterator

from ledger.claims import Absent, Closed
from tests.model import decisions
from tests.model.case import Case
from tests.model.changes import heard, landed, with_ledger
from tests.model.rules import Rule
from tests.model.words import of_claim, of_written
from tests.model.world import Kind, Ledger, Move, Rebuild, Said, World


def moves(case: Case, world: World) -> Iterator[Move]:
    """What rebuilds may do next."""
    for n, rebuild in enumerate(world.rebuilds):
        if rebuild is not None:
            yield from _go_on(case, world, n, rebuild)
    lock = world.ledger.lock
    held = lock is not None and world.rebuilds[lock] is not None
    if not world.ledger.epoch and not held and (move := begun(case, world)):
        yield move


def begun(case: Case, world: World) -> Move | None:
    """Another rebuild takes the lock, which is free or has expired; None: there are two already."""
    if None not in world.rebuilds:
        return None
    n = world.rebuilds.index(None)
    facts = heard(case, world.facts)
    if not case.obeys(Rule.CANCEL_HONOURED):
        facts = frozenset(said for said in facts if said.kind is not Kind.CANCEL_ASKED)
    if not case.obeys(Rule.HONOURED_OF_ATTEMPT) and any(s.kind is Kind.CANCEL_ASKED for s in facts):
        facts |= {Said(Kind.CANCEL_ASKED, attempt) for attempt in range(1, case.attempts + 2)}
    claim = decisions.rebuilt(world.intents, facts)
    before, after = decisions.rebuild_says(world.intents, facts)
    if not case.obeys(Rule.RECEIPTS_DO_NOT_SETTLE):
        for said in facts:
            if said.kind is Kind.DELIVERED:
                claim, before, after = Closed("sent", said.attempt), (), ()
    if not case.obeys(Rule.AMBIGUOUS_BEFORE_EPOCH):
        before, after = (), before + after
    opted_out = world.opted_out and case.obeys(Rule.OPT_OUTS_REBUILT)
    locked = with_ledger(case, world, world.ledger._replace(lock=n))
    return Move(
        f"rebuild {n}: locks, reads: {of_claim(claim)}",
        with_rebuild(locked, n, Rebuild(claim, before, after, opted_out)),
    )


def with_rebuild(world: World, n: int, rebuild: Rebuild | None) -> World:
    """Another state of one rebuild."""
    first, second = world.rebuilds
    return world._replace(rebuilds=(rebuild, second) if n == 0 else (first, rebuild))


def _go_on(case: Case, world: World, n: int, rebuild: Rebuild) -> Iterator[Move]:
    if rebuild.before:
        said, *rest = rebuild.before
        after = with_rebuild(landed(case, world, said), n, rebuild._replace(before=tuple(rest)))
        yield Move(f"rebuild {n}: {of_written(said)} is acknowledged", after)
    elif not rebuild.published:
        yield _publish(case, world, n, rebuild)
    else:
        said, *rest = rebuild.after
        left = rebuild._replace(after=tuple(rest)) if rest else None
        after = with_rebuild(landed(case, world, said), n, left)
        yield Move(f"rebuild {n}: {of_written(said)} is acknowledged", after)


def _publish(case: Case, world: World, n: int, rebuild: Rebuild) -> Move:
    fenced = case.obeys(Rule.FENCE_RUN) and not rebuild.same_run
    if fenced or world.ledger.lock != n or world.ledger.epoch:
        return Move(f"rebuild {n}: is fenced off", with_rebuild(world, n, None))
    left = rebuild._replace(published=True, claim=Closed("sent", 0)) if rebuild.after else None
    claim, found = rebuild.claim, world.ledger
    if case.early and found.claim != Absent() and case.obeys(Rule.EARLY_IS_KEPT):
        claim = found.claim
    opted_out = rebuild.opted_out or found.opted_out
    after = with_ledger(case, world, Ledger(claim, opted_out=opted_out))
    return Move(f"rebuild {n}: publishes {of_claim(claim)}", with_rebuild(after, n, left))
