"""A dispatcher's hand: look, intent, claim, call, outcome, close (`dispatchers/handover.py`, `settling.py`).

One task at a time is in a hand; the owner of the partition has a second one where the log holds two records.
"""

from collections.abc import Iterator

from dispatchers import policy
from ledger.claims import Claim, Closed, Sending
from tests.model import calls, decisions, scripts
from tests.model.case import Case
from tests.model.changes import finished, forgotten, landed, may_hand_over, with_claim, with_hand, with_lost
from tests.model.hands import asking, how_of, identity, name_of, to_say_unknown, to_write
from tests.model.promises import check_leave
from tests.model.rules import Rule
from tests.model.words import of_claim, of_written
from tests.model.world import (
    DEAD,
    HELD,
    IDLE,
    REFUSED,
    At,
    Copy,
    Deadline,
    Hand,
    Intended,
    Kind,
    Move,
    Said,
    Waiting,
    World,
)


def moves(case: Case, world: World, index: int) -> Iterator[Move]:
    """What this hand may do next."""
    hand = world.hands[index]
    match hand.at:
        case At.IDLE:
            yield from _read(world, index)
        case At.WRITE:
            yield from _write(case, world, index)
        case At.INTENT:
            intent = Intended(hand.attempt, HELD[index])
            after = with_hand(landed(case, world, intent), index, hand._replace(at=At.CLAIM))
            yield Move(
                f"{name_of(world, index)}: the intent for attempt {hand.attempt} is acknowledged", after
            )
        case At.DEADLINE:
            after = finished(landed(case, world, Deadline(hand.attempt)), index)
            yield Move(
                f"{name_of(world, index)}: the deadline of attempt {hand.attempt} is acknowledged", after
            )
        case At.POST | At.POST_BLIND:
            yield from calls.call(case, world, index)
        case _ if may_hand_over(case, world):
            yield from _ASKING[hand.at](case, world, index)
    if hand.former and hand.at in (At.LOOK, At.CLAIM):
        after = with_hand(forgotten(world, index, as_=REFUSED), index, IDLE)
        yield Move(f"{name_of(world, index)}: learns that the partition has gone", after, optional=True)


def _read(world: World, index: int) -> Iterator[Move]:
    other = world.hands[1 - index]
    busy = -1 if other.former else other.place
    if index == 1 and (other.at is At.IDLE or other.former):
        return
    for place, copy in enumerate(world.log):
        if not world.finished >> place & 1 and place != busy:
            hand = Hand(At.LOOK, place, copy.attempt)
            yield Move(
                f"{name_of(world, index)}: reads record {place} (attempt {copy.attempt})",
                with_hand(world, index, hand),
            )


def _write(case: Case, world: World, index: int) -> Iterator[Move]:
    """All of it is acknowledged before what comes next, in any order."""
    hand = world.hands[index]
    for n, written in enumerate(hand.writing):
        after = landed(case, world, written)
        rest = hand.writing[:n] + hand.writing[n + 1 :]
        if rest:
            after = with_hand(after, index, hand._replace(writing=rest))
        elif hand.then is At.FINISH:
            after = finished(after, index)
        else:
            after = with_hand(after, index, hand._replace(at=hand.then, writing=()))
        yield Move(f"{name_of(world, index)}: {of_written(written)} is acknowledged", after)


def _look(case: Case, world: World, index: int) -> Iterator[Move]:
    hand, claim = world.hands[index], world.ledger.claim
    # Beyond the last attempt it waits for its time to be over.
    if hand.attempt <= case.attempts or _expired(case, world, index) == claim:
        yield from _step(case, world, index, f"{name_of(world, index)}: looks")
    if world.late:
        yield from _end_late(case, world, index)
    if case.trouble and len(world.log) + len(world.waiting) < _MOST_COPIES:
        # No attempt is made: as `Deferring` of the code does it.
        copy = Waiting(Copy(hand.attempt, identity(world, hand), how_of(world, hand)))
        after = to_write(world, index, hand, copy)
        words = f"{name_of(world, index)}: its account is in trouble, attempt {hand.attempt} goes elsewhere"
        yield Move(words, after, optional=True)


#: Records of one message, in the log or on their way there, beyond which it stays where it is.
_MOST_COPIES = 2


def _end_late(case: Case, world: World, index: int) -> Iterator[Move]:
    """The message's time is over: `_end_late` of the code."""
    claim = world.ledger.claim
    after_script = _expired(case, world, index)
    after = with_claim(case, world, after_script)
    unanswered = after if after_script != claim else None
    as_ = DEAD if _is_unknown(after_script) else REFUSED
    after = forgotten(after, index, as_=as_)
    for move in _step(case, after, index, f"{name_of(world, index)}: too late", late=True):
        yield move._replace(unanswered=unanswered)


def _expired(case: Case, world: World, index: int) -> Claim:
    hand = world.hands[index]
    return scripts.expire(case.without, world.ledger.claim, hand.attempt, how_of(world, hand))


def _step(
    case: Case, world: World, index: int, words: str, *, late: bool = False, looked: bool = True
) -> Iterator[Move]:
    """What the task does about the claim that it found; `looked`: by looking, not by being refused."""
    claim = world.ledger.claim
    hand = world.hands[index]._replace(over=False, posted=False, sure=False)
    found = f"{words}, finds {of_claim(claim)}"
    match _decided(case, world, hand, claim, late=late):
        case policy.Go():
            first = At.INTENT if case.obeys(Rule.INTENT_FIRST) else At.CLAIM
            yield Move(
                f"{found}: may go", with_hand(world, index, hand._replace(at=first if looked else At.LOOK))
            )
        case policy.ComeBack():
            if not looked or late:
                yield Move(f"{found}: comes back", with_hand(world, index, hand._replace(at=At.LOOK)))
        case policy.TakeOver():
            yield Move(f"{found}: its time is over", with_hand(world, index, hand._replace(at=At.TAKE_OVER)))
        case policy.SayUnknown(claim=closed):
            said = decisions.unknown(closed)
            after = to_say_unknown(case, with_hand(world, index, hand), index, said, again=True)
            yield Move(f"{found}: says so", after)
        case policy.SayClosed(claim=closed):
            yield Move(f"{found}: says so", to_write(world, index, hand, decisions.ended(closed)))
        case policy.RetryAgain(claim=open_):
            said = Said(Kind.REFUSED, open_.attempt - 1, (), identity(world, hand))
            again = hand._replace(attempt=open_.attempt)
            then = At.INTENT if looked and not late and open_.attempt <= case.attempts else At.LOOK
            yield Move(f"{found}: its own retry", to_write(world, index, again, said, then=then))
        case policy.Done():
            yield Move(f"{found}: finishes", finished(world, index))


def _decided(case: Case, world: World, hand: Hand, claim: Claim, *, late: bool) -> policy.Step:
    how = world.log[hand.place].how
    if case.without is not None and not late and scripts.wins(case.without, claim, hand.attempt, how):
        return policy.Go()
    step = decisions.step(hand.attempt, how, identity(world, hand), claim, late=late)
    rule = _RULES_OF_STEPS.get(type(step))
    if rule is not None and not case.obeys(rule):
        return policy.Done()
    if not case.obeys(Rule.TAKE_OVER_LATE) and isinstance(claim, Sending):
        return policy.TakeOver(claim)
    return step


#: Steps that a rule asks for; without it the task finishes.
_RULES_OF_STEPS: dict[type[policy.Step], Rule] = {
    policy.ComeBack: Rule.WAIT_FOR_OTHERS,
    policy.SayUnknown: Rule.SAY_UNKNOWN_AGAIN,
    policy.SayClosed: Rule.SAY_CLOSED_AGAIN,
    policy.RetryAgain: Rule.RETRY_AGAIN,
}


def _claim(case: Case, world: World, index: int) -> Iterator[Move]:
    hand, found, who = world.hands[index], world.ledger.claim, name_of(world, index)
    nonce = HELD[index]
    barred = scripts.barred(case.without, late=world.late, opted_out=world.ledger.opted_out)
    claim = scripts.claim(case.without, found, asking(world, index), barred)
    if claim != found and scripts.holds(claim, nonce):
        check_leave(world)
    after = with_claim(case, world, claim)
    unclear = with_hand(after, index, hand._replace(at=At.CLAIM_AGAIN, sure=True)) if claim != found else None
    if scripts.holds(claim, nonce):
        sure = hand.sure or claim != found
        won = with_hand(after, index, hand._replace(at=At.POST, sure=sure))
        yield Move(f"{who}: wins the claim for attempt {hand.attempt}", won, unanswered=unclear)
        return
    without = forgotten(after, index, as_=DEAD if _is_unknown(claim) else REFUSED)
    for move in _step(case, without, index, f"{who}: is refused", looked=False):
        yield move._replace(unanswered=unclear)
    if world.late and hand.at is At.CLAIM:
        yield from _end_late(case, world, index)


def _take_over(case: Case, world: World, index: int) -> Iterator[Move]:
    hand, found, who = world.hands[index], world.ledger.claim, name_of(world, index)
    claim = scripts.take_over(case.without, found)
    after = with_lost(case, world, claim)
    unanswered = after if claim != found else None
    if isinstance(claim, Closed) and claim.why == "unknown":
        after = to_say_unknown(case, after, index, decisions.unknown(claim))
        yield Move(f"{who}: takes over: {of_claim(claim)}", after, unanswered=unanswered)
    else:
        after = with_hand(after, index, hand._replace(at=At.LOOK))
        yield Move(f"{who}: finds {of_claim(claim)} instead", after, unanswered=unanswered)


def _is_unknown(claim: Claim) -> bool:
    return isinstance(claim, Closed) and claim.why == "unknown"


_ASKING = {
    At.LOOK: _look,
    At.CLAIM: _claim,
    At.CLAIM_AGAIN: _claim,
    At.CLOSE: calls.close,
    At.LOSE: calls.lose,
    At.REOPEN: calls.reopen,
    At.LEAVE: calls.leave,
    At.TAKE_OVER: _take_over,
}
