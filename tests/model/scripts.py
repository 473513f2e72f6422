"""The ledger's scripts, as functions from claim to claim; without a rule, as they would be without it.

The decisions are those of `tests/contracts/ledger/reference.py`, to which contract tests hold the Lua itself.
Only what the end of a message's validity changes is written here; `test_expire.py` and `test_claims.py` there
hold the Lua to that.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

from ledger.claims import Absent, Claim, Closed, Open, Sending
from schemas.tasks import How
from tests.contracts.ledger.reference import Reference
from tests.model.rules import Rule
from tests.model.world import NOW, OVER, TO_COME, Intended

#: Why a message that could go may not.
Bar = Literal["expired", "opted_out"]


class Ask(NamedTuple):
    """A claim that is asked for."""

    attempt: int
    how: How
    nonce: str
    record: str


@dataclass
class _Ruled(Reference):
    """The reference, without a rule."""

    without: Rule | None = None

    def wins(self, attempt: int, how: How) -> bool:
        match self.without, self.claim:
            case (Rule.CLAIM_DECIDES, _) | (Rule.ATTEMPT_COUNTS, Open()) | (Rule.CLAIM_STAYS, Absent()):
                return True
            case Rule.RESEND_ONLY, Closed(why="unknown", attempt=unknown):
                return attempt == unknown + 1
            case Rule.RESEND_OF_ATTEMPT, Closed(why="unknown"):
                return how is How.RESEND
        return super().wins(attempt, how)


@cache
def wins(without: Rule | None, found: Claim, attempt: int, how: How) -> bool:
    """Rule 2."""
    return _Ruled(found, without).wins(attempt, how)


def barred(without: Rule | None, *, late: bool, opted_out: bool) -> Bar | None:
    """Why a message may not go any more, whatever its claim; None: it may."""
    if opted_out and without is not Rule.OPT_OUT_AT_CLAIM:
        return "opted_out"
    return "expired" if late else None


@cache
def claim(without: Rule | None, found: Claim, ask: Ask, bar: Bar | None) -> Claim:
    """`claim.lua`: won if it is `sending` by the nonce afterwards."""
    if bar is not None and not holds(found, ask.nonce):
        ended = _ended(without, found, ask.attempt, ask.how, bar)
        if ended != found:
            return ended
    script = _Ruled(found, without)
    script.asked(ask.attempt, ask.how, ask.nonce, ask.record, TO_COME)
    return script.claim


@cache
def expire(without: Rule | None, found: Claim, attempt: int, how: How) -> Claim:
    """`expire.lua`, when the message's validity is over."""
    return _ended(without, found, attempt, how, "expired")


def _ended(without: Rule | None, found: Claim, attempt: int, how: How, bar: Bar) -> Claim:
    """What it could win ends: as `bar` says, but as unknown where an earlier attempt may have been sent."""
    script = Reference(found)
    script.too_late(attempt, how)
    match script.claim:
        case Closed(why="unknown") if without is not Rule.MAYBE_SENT_IS_UNKNOWN:
            return script.claim
        case Closed() if script.claim != found:
            return Closed(bar, attempt)
    return found


@cache
def close(found: Claim, attempt: int, nonce: str) -> Claim:
    """`close.lua`."""
    reference = Reference(found)
    reference.closed(attempt, nonce)
    return reference.claim


@cache
def lose(found: Claim, nonce: str) -> tuple[Claim, bool]:
    """`lose.lua`, and whether it is closed(unknown) of that nonce now."""
    reference = Reference(found)
    own = reference.lost(nonce)
    return reference.claim, own


@cache
def reopen(without: Rule | None, found: Claim, ask: Ask) -> tuple[Claim, bool]:
    """`reopen.lua`, and whether it is open to the next attempt by that record now."""
    reference = Reference(found)
    own = reference.reopened(ask.attempt, ask.nonce, ask.record)
    if own and without is Rule.CLAIM_STAYS:
        return Absent(), True
    return reference.claim, own


@cache
def take_over(without: Rule | None, found: Claim) -> Claim:
    """`take_over.lua`."""
    if without is Rule.TAKE_OVER_LATE and isinstance(found, Sending):
        found = replace(found, until=OVER)
    reference = Reference(found)
    reference.taken_over(NOW)
    return reference.claim


@cache
def cancel(without: Rule | None, found: Claim, attempt: int) -> Claim:
    """`cancel.lua`."""
    if without is Rule.CANCEL_UNSENT and isinstance(found, Sending):
        return Closed("cancelled", 0)
    if without is Rule.CANCEL_OF_ATTEMPT and isinstance(found, Open):
        attempt = found.attempt
    reference = Reference(found)
    reference.cancelled(attempt)
    return reference.claim


@cache
def may_send_again(without: Rule | None, found: Claim, call: Intended, *, noted: bool, acted: bool) -> bool:
    """`ask.lua`, of a question that may send. `acted`: a deadline of its attempt has.

    The time for it is over before that, whichever deadline it was: the dispatchers' `test_questions.py` holds
    `sends_within` to this.
    """
    if without is Rule.ASK_OF_CLAIM:
        found = Closed("unknown", call.attempt, call.nonce)
    return Reference(found).may_send_again(
        call.attempt,
        call.nonce,
        noted=OVER if noted or without is Rule.ASK_OF_NOTED else None,
        now=TO_COME if acted else NOW,
        within=None if without is Rule.ASK_IN_TIME else NOW - OVER,
    )


def holds(found: Claim, nonce: str) -> bool:
    """Whether a hand-over by `nonce` is under way."""
    return isinstance(found, Sending) and found.nonce == nonce
