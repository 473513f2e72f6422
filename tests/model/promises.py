"""What must hold in every state, whatever has happened."""

from ledger.claims import Claim, Sending
from schemas.status import MOVES, State
from schemas.tasks import OnUnknown
from tests.model.world import HELD, OVER, At, Cancel, Kind, World

#: Facts that say: it was never sent, and never will be.
_NEVER_SENT = frozenset({Kind.CANCELLED, Kind.EXPIRED, Kind.OPTED_OUT})
#: Facts that make it failed.
_FAILED = frozenset({Kind.REJECTED, Kind.EXPIRED, Kind.OPTED_OUT, Kind.FAILED})


class BrokenError(Exception):
    """A promise is broken; the text says which."""


def check_told(before: State | None, after: State | None) -> None:
    """A status that follows another one (P7).

    Raises:
        BrokenError: it may not.
    """
    if before is not after and (after is None or after not in MOVES[before]):
        raise BrokenError(f"the status goes from {before} to {after}")


def check_call(world: World, index: int, status: State | None) -> None:
    """A request is about to be written to the provider's socket (P2, P8, rule 4).

    A refusal for good that comes after its attempt was sent again is no end: the next attempt goes on.

    Raises:
        BrokenError: it should not be.
    """
    hand = world.hands[index]
    if hand.posted:
        raise BrokenError("a second call with one nonce")
    if status in (State.FAILED, State.CANCELLED) and not _refused_late(world):
        raise BrokenError(f"a call after the message was told to be {status}")
    if hand.sure and not _in_time(world.ledger.claim, HELD[index]):
        raise BrokenError(
            "a call by whom the claim does not belong to any more, though the ledger was never lost"
        )


def check_accepted(world: World, attempt: int) -> None:
    """A provider takes the message (P2).

    Raises:
        BrokenError: one has taken it before, and it was not sent again since by its owner's policy.
    """
    resent = {said.attempt for said in world.facts if said.kind is Kind.RESENT}
    for call in world.accepted:
        between = range(min(call.attempt, attempt), max(call.attempt, attempt))
        if resent.isdisjoint(between):
            raise BrokenError(
                f"the call of attempt {attempt} is accepted after that of attempt {call.attempt}"
            )


def check_asked(status: State | None) -> None:
    """A provider is asked by a request that sends what it has not taken before (P2, P3, P9).

    Raises:
        BrokenError: that should not be.
    """
    if status in (State.FAILED, State.CANCELLED):
        raise BrokenError(f"a question sends a message that was told to be {status}")
    if status is State.QUEUED:
        raise BrokenError("a question sends a message whose next attempt was handed on")


def check_leave(world: World) -> None:
    """The ledger gives leave to send the message (P9).

    Raises:
        BrokenError: its recipient has opted out.
    """
    if world.opted_out:
        raise BrokenError("it may be sent, and its recipient has opted out")


def check_commit(finished: int, lowest: int) -> None:
    """The owner commits all that it could (P1).

    Raises:
        BrokenError: beyond a record that is not finished.
    """
    if finished.bit_length() > lowest:
        raise BrokenError(f"the commit passes record {lowest}, which is not finished")


def check(world: World, status: State | None) -> None:
    """Holds in every state.

    Raises:
        BrokenError: it does not.
    """
    kinds = {said.kind for said in world.facts}
    if world.accepted and (never := kinds & _NEVER_SENT):
        raise BrokenError(f"a call was accepted, and it is told: {min(never)}")
    if world.cancel is Cancel.TOO_LATE and Kind.CANCELLED in kinds:
        raise BrokenError("its owner was told that it is too late, asked no more, and it is cancelled")
    if Kind.ACCEPTED in kinds and status not in (State.SENT, State.DELIVERED):
        raise BrokenError(f"that it was accepted is acknowledged, and the message is {status}")
    if status in (State.SENT, State.DELIVERED) and not world.accepted:
        raise BrokenError(f"the message is {status}, and no call was accepted")
    if status is State.FAILED and not kinds & _FAILED:
        raise BrokenError("the message failed, and nobody refused it")


def check_end(world: World, status: State | None, policy: OnUnknown) -> None:
    """Holds where nothing moves any more (P3, P4).

    Raises:
        BrokenError: it does not.
    """
    if status is State.QUEUED or (status is State.UNKNOWN and policy is not OnUnknown.HOLD):
        raise BrokenError(f"nothing moves any more, and the message is {status}")
    if world.finished != (1 << len(world.log)) - 1 or any(hand.at is not At.IDLE for hand in world.hands):
        raise BrokenError("nothing moves any more, and a task is not finished")
    told = {said.kind for said in world.facts}
    if Kind.DELIVERED in told and status is not State.DELIVERED:
        raise BrokenError(f"nothing moves any more, its receipt has come, and the message is {status}")


def _refused_late(world: World) -> bool:
    """Whether an attempt was refused for good that had been sent again by then."""
    resent = {said.attempt for said in world.facts if said.kind is Kind.RESENT}
    return any(said.kind is Kind.REJECTED and said.attempt in resent for said in world.facts)


def _in_time(claim: Claim, nonce: str) -> bool:
    return isinstance(claim, Sending) and claim.nonce == nonce and claim.until != OVER
