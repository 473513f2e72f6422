"""For each rule a small case that breaks a promise without it; for all of them the searches that must not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from schemas.tasks import OnUnknown
from tests.model.case import Case, Fault
from tests.model.rules import Rule


def _case(*faults: Fault, budget: int = 1, **more: Any) -> Case:
    return Case(budget=budget, faults=frozenset(faults), **more)


_CRASH, _MOVE, _WIPE = Fault.CRASH, Fault.MOVE, Fault.WIPE
_FAIL, _RESEND = OnUnknown.FAIL, OnUnknown.RESEND
_CANCELS = _case(_WIPE, Fault.CRASH_OF_CANCEL, cancel=True)

#: Each is searched without its rule.
CONTROLS: Final[Mapping[Rule, Case]] = {
    Rule.CLAIM_DECIDES: _case(_CRASH),
    Rule.INTENT_FIRST: _case(_WIPE),
    Rule.CLAIM_STAYS: _case(budget=0),
    Rule.CARRY_RECORD: _case(_MOVE),
    Rule.RETRY_AGAIN: _case(_CRASH),
    Rule.SAY_UNKNOWN_AGAIN: _case(_CRASH),
    Rule.SAY_CLOSED_AGAIN: _case(budget=0),
    Rule.WAIT_FOR_OTHERS: _case(_CRASH),
    Rule.TAKE_OVER_LATE: _case(budget=0, copies=2),
    Rule.LAST_LOOK: _case(budget=0),
    Rule.FACT_FIRST: _case(_CRASH),
    Rule.SCRIPT_FIRST: _case(_WIPE, _MOVE, budget=2),
    Rule.AMBIGUOUS_HOLDS: _case(_WIPE),
    Rule.ATTEMPT_COUNTS: _case(_CRASH, policy=_RESEND),
    Rule.CANCEL_UNSENT: _case(budget=0, cancel=True),
    Rule.CANCEL_OF_ATTEMPT: _CANCELS,
    Rule.CANCEL_ASKED_FIRST: _CANCELS,
    Rule.CANCEL_HONOURED: _CANCELS,
    Rule.HONOURED_OF_ATTEMPT: _case(_WIPE, cancel=True),
    Rule.EPOCH: _case(_WIPE),
    Rule.FENCE_RUN: _case(_WIPE, Fault.STALL, Fault.ROLLBACK, budget=3, attempts=1, memory=4),
    Rule.AMBIGUOUS_BEFORE_EPOCH: _case(
        _WIPE, Fault.CRASH_OF_REBUILD, budget=2, receipts=True, attempts=1, copies=2
    ),
    Rule.RECEIPTS_DO_NOT_SETTLE: _case(_CRASH, _WIPE, receipts=True),
    Rule.LOWEST_COMMITS: _case(Fault.REPEAT, _CRASH, budget=2),
    Rule.RESEND_ONLY: _case(_WIPE, policy=_FAIL, copies=2),
    Rule.RESEND_OF_ATTEMPT: _case(_CRASH, policy=_RESEND),
    Rule.AMBIGUOUS_BEFORE_DEADLINE: _case(budget=0, policy=_FAIL),
    Rule.DEADLINE_AGAIN: _case(_CRASH, policy=_FAIL, attempts=1),
    Rule.DEADLINE_AFTER_UNTIL: _case(_WIPE, policy=_FAIL, attempts=1, copies=2),
    Rule.DEADLINE_PUT_OFF: _case(_WIPE, budget=2, policy=_FAIL),
    Rule.FAILURE_YIELDS: _case(_CRASH, _MOVE, policy=_FAIL, attempts=1),
    Rule.CANCEL_BEFORE_RESEND: _case(_WIPE, Fault.CRASH_OF_CANCEL, policy=_RESEND, cancel=True),
    Rule.MAYBE_SENT_IS_UNKNOWN: _case(budget=0, policy=_RESEND, expiry=True),
    Rule.ASK_OF_CLAIM: _case(budget=0, repost=True, rejections=True, attempts=1, copies=2),
    Rule.ASK_OF_NOTED: _case(_WIPE, repost=True, cancel=True, attempts=1),
    Rule.ASK_IN_TIME: _case(budget=0, policy=_FAIL, attempts=1, repost=True),
    Rule.ASK_ALLOWED: _case(budget=0, repost=True, attempts=1, opt_out=True),
    Rule.OPT_OUT_AT_CLAIM: _case(budget=0, attempts=1, opt_out=True),
    Rule.OPT_OUTS_REBUILT: _case(_WIPE, attempts=1, opt_out=True),
    Rule.FAILOVER_CERTAIN: _case(budget=0, failover=True),
    Rule.EARLY_IS_FRESH: _case(_WIPE, attempts=1, early=True),
    Rule.EARLY_IS_KEPT: _case(_CRASH, attempts=1, early=True, copies=2),
}

_EVERYTHING: Final = Case(cancel=True, expiry=True, receipts=True, rejections=True)
_ONCE: Final = Case(attempts=1)

#: Searched by every run of the tests.
USUAL: Final[Mapping[str, Case]] = {
    "one fault of any kind, two attempts": Case(),
    "one fault of any kind, one attempt, and all that may happen": replace(_EVERYTHING, attempts=1),
    "fail: one fault of any kind, one attempt, with look-ups": replace(
        _ONCE, policy=_FAIL, expiry=True, receipts=True, rejections=True, lookup=True
    ),
    "fail: one fault of any kind, one attempt, asked by sending": replace(_ONCE, policy=_FAIL, repost=True),
    "fail: a ledger lost twice": _case(_WIPE, budget=2, policy=_FAIL),
    "resend: a ledger lost twice": _case(_WIPE, budget=2, policy=_RESEND),
    "resend: a crash or a loss": _case(_CRASH, _WIPE, policy=_RESEND),
    "opt-outs: one fault of any kind": replace(_ONCE, policy=_FAIL, opt_out=True),
    "failover: a crash or a repeat": _case(_CRASH, Fault.REPEAT, failover=True),
    "failover: a crash or a loss, and senders that are refused": _case(
        _CRASH, _WIPE, failover=True, rejections=True
    ),
    "failover: a crash, and an account in trouble": _case(_CRASH, failover=True, trouble=True, attempts=1),
    "to come, early messages: a crash or a loss": _case(
        _CRASH, _WIPE, Fault.CRASH_OF_REBUILD, policy=_FAIL, attempts=1, early=True
    ),
}

#: Searched by `make model`, beside the cases of all controls with all rules in force.
LONG: Final[Mapping[str, Case]] = {
    **USUAL,
    "one fault of any kind, two attempts, and a cancel": Case(cancel=True),
    "one fault of any kind, two copies": Case(copies=2, attempts=1),
    "two faults of any kind, one attempt, with cancel, expiry and receipts": replace(
        _EVERYTHING, attempts=1, budget=2, rejections=False
    ),
    "three faults of dispatchers, one attempt, with receipts": _case(
        _CRASH, _MOVE, _WIPE, Fault.DEAF, budget=3, attempts=1, receipts=True
    ),
    "two faults of dispatchers, two attempts": _case(_CRASH, _MOVE, _WIPE, budget=2),
    "a ledger lost again and again": _case(
        _WIPE,
        Fault.ROLLBACK,
        Fault.STALL,
        Fault.CRASH_OF_REBUILD,
        budget=3,
        attempts=1,
        memory=4,
        receipts=True,
    ),
    "three attempts": _case(_CRASH, _WIPE, attempts=3),
    "fail: one fault of any kind, one attempt, and all that may happen": replace(
        _EVERYTHING, attempts=1, policy=_FAIL, lookup=True
    ),
    "fail: a crash and a loss, two attempts": _case(_CRASH, _WIPE, budget=2, policy=_FAIL),
    "fail: a ledger lost three times": _case(_WIPE, budget=3, policy=_FAIL),
    "fail: two faults around a loss, asked by sending": _case(
        _CRASH, _MOVE, _WIPE, budget=2, policy=_FAIL, attempts=1, repost=True
    ),
    "resend: one fault of any kind, two attempts": Case(policy=_RESEND),
    "resend: one fault of dispatchers, and refusals for good": _case(
        _CRASH, _MOVE, policy=_RESEND, rejections=True
    ),
    "resend: a loss, a cancel and the end of its validity": _case(
        _WIPE, Fault.CRASH_OF_CANCEL, policy=_RESEND, cancel=True, expiry=True
    ),
    "resend: a ledger lost twice, three attempts": _case(_WIPE, budget=2, policy=_RESEND, attempts=3),
    "resend: a crash or a loss, asked by both ways": _case(
        _CRASH, _WIPE, policy=_RESEND, lookup=True, repost=True, receipts=True
    ),
    "opt-outs: a crash or a loss, sent again": _case(_CRASH, _WIPE, policy=_RESEND, opt_out=True),
    "failover: a crash, and a cancel": _case(_CRASH, failover=True, cancel=True),
    "to come, early messages: one fault of any kind": replace(_ONCE, early=True, receipts=True),
    "to come, early messages: a crash, two copies": _case(_CRASH, early=True, attempts=1, copies=2),
    **{f"as the control of {rule}": case for rule, case in CONTROLS.items()},
}
