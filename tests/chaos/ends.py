"""In which state a message may end, by its plan and by what its handset got."""

from collections.abc import Iterator
from typing import Final

from schemas.status import State
from schemas.tasks import OnUnknown
from tests.chaos.cases import CONFLICT, Case, Finding
from tests.chaos.plan import Fate
from tests.chaos.stories import BELIEVED

#: Failures by what the handset's network was to do: by the provider's answer, or by its receipt.
_DESERVED: Final = {
    ("rejected", Fate.REFUSED),
    ("undelivered", Fate.UNDELIVERED),
    ("failed", Fate.UNDELIVERED),
}


def end(case: Case) -> Iterator[Finding]:
    """What is wrong with the state in which it ended."""
    match case.state:
        case State.QUEUED:
            yield from _queued(case)
        case State.UNKNOWN:
            if case.planned.on_unknown is not OnUnknown.HOLD:
                yield case.wrong(f"it is unknown to the end, and its policy is {case.planned.on_unknown}")
        case State.SENT | State.DELIVERED | State.UNDELIVERED:
            yield from _handed_over(case)
        case State.CANCELLED:
            yield from _cancelled(case)
        case State.FAILED:
            yield from _failed(case)


def _queued(case: Case) -> Iterator[Finding]:
    if case.texts:
        yield case.wrong("it is on the handset, and queued to the end")
    else:
        yield case.lost("it is on no handset, and queued to the end")


def _handed_over(case: Case) -> Iterator[Finding]:
    """Told as the provider told it; a receipt that never came leaves it `sent`."""
    fate, arrived = case.planned.fate, bool(case.texts)
    if case.state is State.UNDELIVERED:
        if fate is not Fate.UNDELIVERED or arrived:
            yield case.wrong(f"it is told to be undelivered: its handset has {len(case.texts)} of it")
    elif not arrived and fate is Fate.ARRIVES:
        yield case.lost(f"it is told to be {case.state}, and is on no handset")
    elif not arrived and (case.state is State.DELIVERED or fate is Fate.REFUSED):
        yield case.wrong(f"it is told to be {case.state}, and is on no handset")


def _cancelled(case: Case) -> Iterator[Finding]:
    if not case.cancel_asked:
        yield case.wrong("it is told to be cancelled, and nobody asked for it")
    if case.texts:
        yield case.wrong("it is told to be cancelled, and is on the handset")


def _failed(case: Case) -> Iterator[Finding]:
    code, arrived = case.failure, bool(case.texts)
    if code == BELIEVED:
        if case.planned.on_unknown is OnUnknown.HOLD:
            yield case.wrong("it was given up while its outcome was unknown, and its policy is to hold")
    elif arrived:
        yield case.wrong(f"it is told to have failed ({code}), and is on the handset")
    elif code != CONFLICT and (code, case.planned.fate) not in _DESERVED:
        yield case.lost(f"it is on no handset: failed ({code})")
