"""From the last look to the end of a call: what came of it, and what follows (rule 5)."""

from collections.abc import Iterator

from tests.model import scripts
from tests.model.case import Case
from tests.model.changes import finished, forgotten, status, with_claim, with_hand, with_lost
from tests.model.hands import asking, how_of, identity, name_of, retried, to_say_unknown, to_write
from tests.model.promises import check_accepted, check_call
from tests.model.rules import Rule
from tests.model.world import HELD, At, Copy, Intended, Kind, Move, Said, Waiting, World, Written


def call(case: Case, world: World, index: int) -> Iterator[Move]:
    """The last look at the clock, the call and its answer: nothing comes between them."""
    hand, who = world.hands[index], name_of(world, index)
    if hand.at is At.POST and hand.over:
        yield Move(f"{who}: its time is over, does not call", _after_call(case, world, index, At.REOPEN))
        return
    if hand.at is At.POST and not case.obeys(Rule.LAST_LOOK):
        yield Move(f"{who}: its time is not over", with_hand(world, index, hand._replace(at=At.POST_BLIND)))
        return
    check_call(world, index, status(case, world))
    world = with_hand(world, index, hand._replace(posted=True, over=False, sure=False))
    call = f"{who}: CALLS the provider (attempt {hand.attempt})"
    yield Move(f"{call}: refused for now", _after_call(case, world, index, At.REOPEN))
    yield Move(f"{call}: no answer, was not accepted", _after_call(case, world, index, At.LOSE))
    if case.rejections:
        yield Move(f"{call}: refused for good", _after_call(case, world, index, At.CLOSE, Kind.REJECTED))
    if case.failover and case.rejections:
        yield Move(f"{call}: its sender is refused for good", _after_call(case, world, index, At.LEAVE))
    check_accepted(world, hand.attempt)
    world = world._replace(accepted=(*world.accepted, Intended(hand.attempt, HELD[index])))
    yield Move(f"{call}: ACCEPTED", _after_call(case, world, index, At.CLOSE, Kind.ACCEPTED))
    yield Move(f"{call}: no answer, was ACCEPTED", _after_call(case, world, index, At.LOSE))


def close(case: Case, world: World, index: int) -> Iterator[Move]:
    """`close.lua`, after the fact is acknowledged."""
    hand, claim = world.hands[index], world.ledger.claim
    closed = scripts.close(claim, hand.attempt, HELD[index])
    after = with_claim(case, world, closed)
    unanswered = after if closed != claim else None
    words = f"{name_of(world, index)}: closes the claim"
    if hand.writing:  # without the rule fact-first
        late = with_hand(after, index, hand._replace(at=At.WRITE, then=At.FINISH))
        yield Move(words, forgotten(late, index), unanswered=unanswered)
    else:
        yield Move(f"{words}, finishes", finished(forgotten(after, index), index), unanswered=unanswered)


def lose(case: Case, world: World, index: int) -> Iterator[Move]:
    """`lose.lua`, before `ambiguous` is told."""
    if not case.obeys(Rule.FAILOVER_CERTAIN):
        yield from reopen(case, world, index)
        return
    hand, found, who = world.hands[index], world.ledger.claim, name_of(world, index)
    claim, own = scripts.lose(found, HELD[index])
    after = with_lost(case, world, claim)
    unanswered = after if claim != found else None
    hand = hand._replace(posted=False)
    if own:
        said = Said(Kind.AMBIGUOUS, hand.attempt, (HELD[index],))
        after = to_say_unknown(case, with_hand(after, index, hand), index, said)
        words = f"{who}: gives the claim up as unknown"
    else:
        after = with_hand(after, index, hand._replace(at=At.LOOK))
        words = f"{who}: the claim is not its own any more"
    yield Move(words, forgotten(after, index), unanswered=unanswered)


def leave(case: Case, world: World, index: int) -> Iterator[Move]:
    """`reopen.lua`, before another sender is asked for; if the claim is another's, the end is told."""
    hand, found, who = world.hands[index], world.ledger.claim, name_of(world, index)
    record = identity(world, hand)
    claim, own = scripts.reopen(case.without, found, asking(world, index))
    after = with_claim(case, world, claim)
    unanswered = after if claim != found else None
    hand = hand._replace(posted=False)
    if own:
        copy = Waiting(Copy(hand.attempt + 1, record, retried(how_of(world, hand))))
        said = Said(Kind.REFUSED, hand.attempt, (HELD[index],), record)
        asked = forgotten(to_write(after, index, hand, copy, said), index)
        yield Move(f"{who}: opens the claim for another sender", asked, unanswered=unanswered)
        return
    said = Said(Kind.REJECTED, hand.attempt, (HELD[index],), record)
    ended = to_write(after, index, hand, said, then=At.CLOSE)
    yield Move(f"{who}: the claim is not its own any more, says that it is refused", ended)


def reopen(case: Case, world: World, index: int) -> Iterator[Move]:
    """`reopen.lua`, before the retry is told."""
    hand, found, who = world.hands[index], world.ledger.claim, name_of(world, index)
    record = identity(world, hand)
    claim, own = scripts.reopen(case.without, found, asking(world, index))
    after = with_claim(case, world, claim)
    unanswered = after if claim != found else None
    said = Said(Kind.REFUSED, hand.attempt, (HELD[index],), record)
    hand = hand._replace(posted=False)
    if own:
        how = retried(how_of(world, hand))
        carried = record if case.obeys(Rule.CARRY_RECORD) else ""
        copy = Waiting(Copy(hand.attempt + 1, carried, how))
        words = f"{who}: opens the claim for attempt {hand.attempt + 1}"
        later = to_write(after, index, hand, copy, said)
        where = "elsewhere" if case.failover else "later"
        yield Move(f"{words}, {where}", forgotten(later, index), unanswered=unanswered)
        soon = to_write(after, index, hand._replace(attempt=hand.attempt + 1), said, then=At.LOOK)
        yield Move(f"{words}, soon", forgotten(soon, index))
        return
    words = f"{who}: the claim is not its own any more"
    if case.obeys(Rule.SCRIPT_FIRST):
        after = with_hand(after, index, hand._replace(at=At.LOOK))
    else:
        words = f"{words}, says all the same"
        after = to_write(after, index, hand, said, then=At.LOOK)
    yield Move(words, forgotten(after, index))


def _after_call(case: Case, world: World, index: int, then: At, kind: Kind | None = None) -> World:
    hand = world.hands[index]._replace(over=False, sure=False)
    writing: list[Written] = []
    if not case.obeys(Rule.INTENT_FIRST):
        writing.append(Intended(hand.attempt, HELD[index]))
    if kind is not None:
        said = Said(kind, hand.attempt, (HELD[index],), identity(world, hand))
        if not case.obeys(Rule.FACT_FIRST):
            return with_hand(world, index, hand._replace(at=At.CLOSE, writing=(said,)))
        writing.append(said)
    if not writing:
        return with_hand(world, index, hand._replace(at=then))
    return with_hand(world, index, hand._replace(at=At.WRITE, writing=tuple(writing), then=then))
