"""For each rule a small case that breaks a promise without it; for all of them the searches that must not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tests.model.case import Case, Fault
from tests.model.rules import Rule


def _case(*faults: Fault, budget: int = 1, **more: Any) -> Case:
    return Case(budget=budget, faults=frozenset(faults), **more)


_CRASH, _MOVE, _WIPE = Fault.CRASH, Fault.MOVE, Fault.WIPE
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
    Rule.ATTEMPT_COUNTS: _case(_WIPE, copies=2),
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
}

_EVERYTHING: Final = Case(cancel=True, expiry=True, receipts=True, rejections=True)

#: Searched by every run of the tests.
USUAL: Final[Mapping[str, Case]] = {
    "one fault of any kind, two attempts": Case(),
    "one fault of any kind, one attempt, and all that may happen": replace(_EVERYTHING, attempts=1),
}

#: Searched by `make model`.
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
}
