"""What may go wrong, each time at the cost of one fault."""

from collections.abc import Iterator

from ledger.claims import Absent
from schemas.tasks import How
from tests.model.case import Case, Fault
from tests.model.changes import forgotten, with_hand
from tests.model.deadlines import resent
from tests.model.others import due, with_copy
from tests.model.promises import check_commit
from tests.model.rebuilds import begun, with_rebuild
from tests.model.rules import Rule
from tests.model.words import of_claim
from tests.model.world import (
    DEAD,
    HELD,
    IDLE,
    At,
    Cancel,
    Copy,
    Deadline,
    Intended,
    Kind,
    Ledger,
    Move,
    Rebuild,
    Said,
    World,
    Written,
)


def moves(case: Case, world: World) -> Iterator[Move]:
    """What may go wrong next."""
    if not world.faults_left:
        return
    world = world._replace(faults_left=world.faults_left - 1)
    for fault, its_moves in _FAULTS.items():
        if fault in case.faults:
            for move in its_moves(case, world):
                yield move._replace(optional=True)


def _crash(case: Case, world: World) -> Iterator[Move]:
    if any(_holds_task(world, index) for index in (0, 1)) or world.finished != (1 << world.committed) - 1:
        after = world
        for index in (0, 1):
            if _holds_task(world, index):
                after = _dead(after, index)
        for committed in _commits(case, world):
            yield Move(f"CRASH of the owner, which had committed {committed}", _owned_anew(after, committed))
    if world.hands[1].former:
        yield Move("CRASH of the former owner", _dead(world, 1))
    if case.failover and all(_holds_task(world, index) for index in (0, 1)):
        # Records of two accounts: the hands are processes of their own.
        for index in (0, 1):
            yield Move("CRASH of one account's dispatcher", _dead(world, index))


def _crash_of_rebuild(_: Case, world: World) -> Iterator[Move]:
    for n, rebuild in enumerate(world.rebuilds):
        if rebuild is not None:
            writing = rebuild.before[:1] or (rebuild.after[:1] if rebuild.published else ())
            after = world._replace(limbo=world.limbo | frozenset(writing))
            yield Move(f"CRASH of rebuild {n}", with_rebuild(after, n, None))


def _crash_of_cancel(_: Case, world: World) -> Iterator[Move]:
    if world.cancel in (Cancel.LOOKED, Cancel.ASKED, Cancel.DECIDED):
        writing = {
            Cancel.LOOKED: Said(Kind.CANCEL_ASKED, world.asked_of),
            Cancel.DECIDED: Said(Kind.CANCELLED),
        }
        written = writing.get(world.cancel)
        limbo = world.limbo if written is None or written in world.facts else world.limbo | {written}
        yield Move(
            "CRASH of the door that cancels", world._replace(limbo=limbo, cancel=Cancel.NONE, asked_of=0)
        )


def _holds_task(world: World, index: int) -> bool:
    hand = world.hands[index]
    return hand.at is not At.IDLE and not hand.former


def _dead(world: World, index: int) -> World:
    """The hand is no more. What it was writing may land."""
    hand = world.hands[index]
    writing: tuple[Written, ...] = hand.writing
    if hand.at is At.INTENT:
        writing = (Intended(hand.attempt, HELD[index]),)
    if hand.at is At.DEADLINE:
        writing = (Deadline(hand.attempt),)
    if hand.at is At.CLOSE:
        writing = ()  # without the rule fact-first it has not begun to
    world = world._replace(limbo=world.limbo | frozenset(writing))
    return with_hand(forgotten(world, index, as_=DEAD), index, IDLE)


def _commits(case: Case, world: World) -> range:
    """Where the owner's last commit may stand; it matters only when the partition changes hands."""
    lowest = 0
    while world.finished >> lowest & 1:
        lowest += 1
    if not case.obeys(Rule.LOWEST_COMMITS):
        check_commit(world.finished, lowest)
    return range(world.committed, lowest + 1)


def _owned_anew(world: World, committed: int) -> World:
    return world._replace(committed=committed, finished=(1 << committed) - 1)


def _move(case: Case, world: World) -> Iterator[Move]:
    """Only from one task in hand: a third hand would make no new kind of trouble."""
    first, second = world.hands
    if first.at is At.IDLE or second.at is not At.IDLE:
        return
    # The nonce changes its name with its place.
    moved = forgotten(world._replace(hands=(IDLE, first._replace(former=True))), 0, as_=HELD[1])
    for committed in _commits(case, world):
        yield Move(f"THE PARTITION MOVES, committed is {committed}", _owned_anew(moved, committed))


def _wipe(_: Case, world: World) -> Iterator[Move]:
    yield Move("THE LEDGER IS LOST", _lost(world, Ledger(Absent(), epoch=False)))


def _rollback(case: Case, world: World) -> Iterator[Move]:
    for before in set(world.past):
        # Who asks without an epoch learns nothing of the old claim; a lock of another run holds nobody up.
        claim = before.claim if case.early or not case.obeys(Rule.EPOCH) else Absent()
        yield Move(
            f"THE LEDGER FALLS BACK to {of_claim(before.claim)}",
            _lost(world, before._replace(claim=claim, epoch=False)),
        )


def _lost(world: World, ledger: Ledger) -> World:
    first, second = (hand._replace(sure=False) for hand in world.hands)
    return world._replace(
        ledger=ledger,
        past=(),
        fresh=False,
        hands=(first, second),
        rebuilds=(_outrun(world.rebuilds[0]), _outrun(world.rebuilds[1])),
    )


def _outrun(rebuild: Rebuild | None) -> Rebuild | None:
    return None if rebuild is None else rebuild._replace(same_run=False)


def _repeat(_: Case, world: World) -> Iterator[Move]:
    if len(world.log) <= _MOST_REPEATS:
        yield Move("THE TASK IS PRODUCED TWICE", with_copy(world, Copy(1, "", How.PLAIN)))
    for said in sorted(world.facts):
        if said.kind is Kind.RESENT and len(world.log) <= _MOST_REPEATS:
            yield Move("THE RESEND IS PRODUCED TWICE", resent(world, said.attempt))
    for n, copy in enumerate(world.waiting):
        if n == 0 or world.waiting[n - 1] != copy:
            moved = due(world, n)
            yield Move("WHAT WAITED IS PRODUCED ON TWICE", moved._replace(waiting=world.waiting))


#: Records of one message in the log beyond which repeats show nothing new.
_MOST_REPEATS = 3


def _stall(case: Case, world: World) -> Iterator[Move]:
    lock = world.ledger.lock
    if world.ledger.epoch or lock is None or world.rebuilds[lock] is None:
        return
    if move := begun(case, world):
        yield Move(f"A REBUILD STANDS STILL; {move.words}", move.world)


_FAULTS = {
    Fault.CRASH: _crash,
    Fault.CRASH_OF_REBUILD: _crash_of_rebuild,
    Fault.CRASH_OF_CANCEL: _crash_of_cancel,
    Fault.MOVE: _move,
    Fault.WIPE: _wipe,
    Fault.ROLLBACK: _rollback,
    Fault.REPEAT: _repeat,
    Fault.STALL: _stall,
}
