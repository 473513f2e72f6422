"""The project's own decisions, asked about the states of the model: nothing here is written a second time.

| decision | code |
|---|---|
| what a task does about a claim | `dispatchers.policy.step` |
| the status of a message | `streams.fold.fold` |
| the claim that a rebuild makes, and what it says | `ledger.history` |
| what the fold does at a deadline | `streams.deadlines` |
| which states may follow which | `schemas.status.MOVES` |

All are pure, and the model knows few messages: each question is asked once.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from dispatchers import policy
from ledger.claims import Claim, Closed, Looked
from ledger.history import ClaimFact, History, Rebuilt, ambiguous_facts, cancelled_facts
from schemas.facts import (
    AmbiguousFact,
    AnyFact,
    CancelAsked,
    ClosedWhy,
    Deadline,
    OutcomeFact,
    Receipt,
    ReceiptStatus,
    Routed,
)
from schemas.facts import Closed as ClosedFact
from schemas.lanes import Lane
from schemas.messages import Content
from schemas.provider import Accepted, Certain, Fault, Provider, Rejected, Unavailable
from schemas.status import State
from schemas.tasks import How, Intent, OnUnknown, RecordId, Task
from streams.deadlines import resend
from streams.fold import fold
from streams.rows import Row
from tests.model.world import OVER, Intended, Kind, Said

_FAR = 4_000_000_000_000
_MESSAGE = {"message_id": "m", "organization": "acme", "forget_at": _FAR}
_SENDER = {"provider": Provider.TWILIO, "account": "main", "sender": "+15550100"}
_CAME_TO: dict[Kind, Certain] = {
    Kind.ACCEPTED: Accepted(provider_message_id="SM1"),
    Kind.REJECTED: Rejected(fault=Fault.CONTENT, detail="no"),
    Kind.REFUSED: Unavailable(detail="refused"),
}
_CONTENT = Content(
    from_number="+15550100", to_number="+15550111", text="x", segments=1, fingerprint="", accepted_at=0
)
_ROUTED = Routed(**_MESSAGE, **_SENDER, at=0, attempt=1, reason="number", content=_CONTENT)
_WHYS = {
    Kind.CANCELLED: ClosedWhy.CANCELLED,
    Kind.EXPIRED: ClosedWhy.EXPIRED,
    Kind.OPTED_OUT: ClosedWhy.OPTED_OUT,
}
#: The policies of deadlines that have acted.
_ACTED = {Kind.FAILED: OnUnknown.FAIL, Kind.RESENT: OnUnknown.RESEND}
_TASK = Task(
    **_MESSAGE, **_SENDER, lane=Lane.QUEUED, to_number="+15550111", text="x", segments=1, valid_until=_FAR
)


@cache
def step(attempt: int, how: How, record: str, claim: Claim, *, late: bool) -> policy.Step:
    """What a task does about the claim that it finds."""
    task = _TASK.model_copy(update={"attempt": attempt, "how": how})
    passed = getattr(claim, "until", None) == OVER
    return policy.step(task, _record(record), Looked(claim, until_passed=passed), late=late)


@cache
def status(facts: frozenset[Said]) -> State | None:
    """What the fold makes of these facts: the same in any order."""
    row = _row(facts)
    return None if row.word is None else row.word.state


@cache
def unknown_attempt(facts: frozenset[Said]) -> int:
    """The attempt that is unknown, as the fold has it; 0: none is."""
    word = _row(facts).word
    return (word.attempt or 0) if word is not None and word.state is State.UNKNOWN else 0


@cache
def at_deadline(facts: frozenset[Said], attempt: int, policy: OnUnknown, *, may_resend: bool) -> Said | None:
    """What the fold does when the deadline of `attempt` comes after `facts`; None: nothing."""
    # One that may not be sent again has its deadline after its validity.
    at = 0 if may_resend else _FAR + 1
    before, deadline = _row(facts), _deadline(attempt, policy, at)
    after, told = fold(before, deadline, before.offset + 1)
    if task := resend(after, deadline, after.offset):
        if (task.attempt, task.how, task.record) != (attempt + 1, How.RESEND, None):
            raise AssertionError(f"the model does not know that a deadline makes {task}")
        return Said(Kind.RESENT, attempt)
    return Said(Kind.FAILED, attempt) if told else None


def _row(facts: frozenset[Said]) -> Row:
    """The row after these facts. A deadline that has acted stands where it did: after its `ambiguous`."""
    first = sorted(said for said in facts if said.kind in _ACTED)
    unknown = [said for said in facts if said.kind is Kind.AMBIGUOUS]
    order: list[AnyFact] = [_ROUTED]
    for acted in first:
        order += [fact(said) for said in sorted(unknown) if said.attempt == acted.attempt]
        order.append(_deadline(acted.attempt, _ACTED[acted.kind], 0))
    order += [fact(said) for said in sorted(facts.difference(first))]
    row: Row | None = None
    for offset, one in enumerate(order):
        row, _ = fold(row, one, offset)
    if row is None:
        raise AssertionError("nothing was folded")
    return row


@cache
def rebuilt(intents: frozenset[Intended], facts: frozenset[Said]) -> Rebuilt:
    """The claim that a rebuild makes; what its hand-over went out through is not in the model."""
    claim = _history(intents, facts).claim
    return replace(claim, via=None) if isinstance(claim, Closed) else claim


@cache
def rebuild_says(
    intents: frozenset[Intended], facts: frozenset[Said]
) -> tuple[tuple[Said, ...], tuple[Said, ...]]:
    """What a rebuild says before it publishes its epoch, and after."""
    history = _history(intents, facts)
    return _said(ambiguous_facts(history, 0)), _said(cancelled_facts(history, 0))


@cache
def fact(said: Said) -> AnyFact:
    """The fact as it is on the topic."""
    attempted = {**_MESSAGE, **_SENDER, "at": 0, "attempt": said.attempt}
    match said.kind:
        case Kind.ACCEPTED | Kind.REJECTED | Kind.REFUSED:
            [nonce] = said.nonces or ("",)
            return OutcomeFact(
                **attempted, nonce=nonce, record=_record(said.record), outcome=_CAME_TO[said.kind]
            )
        case Kind.AMBIGUOUS:
            return AmbiguousFact(**attempted, nonces=said.nonces, detail="")
        case Kind.DELIVERED:
            del attempted["sender"]
            return Receipt(
                **attempted,
                nonce=said.nonces[0],
                provider_message_id="SM1",
                status=ReceiptStatus.DELIVERED,
                raw="",
            )
        case Kind.CANCEL_ASKED:
            return CancelAsked(**_MESSAGE, at=0, attempt=said.attempt)
        case Kind.FAILED | Kind.RESENT:
            return _deadline(said.attempt, _ACTED[said.kind], 0)
        case Kind.CANCELLED | Kind.EXPIRED | Kind.OPTED_OUT:
            return ClosedFact(**_MESSAGE, at=0, why=_WHYS[said.kind])


def _deadline(attempt: int, policy: OnUnknown, at: int) -> Deadline:
    task = _TASK.model_copy(update={"attempt": attempt, "on_unknown": policy})
    return Deadline(**_MESSAGE, at=at, attempt=attempt, task=task, waited_ms=1)


def unknown(claim: Closed) -> Said:
    """What is said of a claim that is closed(unknown)."""
    return Said(Kind.AMBIGUOUS, claim.attempt, (claim.nonce,) if claim.nonce else ())


def ended(claim: Closed) -> Said:
    """What is said of a claim that was closed without a send."""
    return Said(next(kind for kind, why in _WHYS.items() if why.value == claim.why))


def _history(intents: frozenset[Intended], facts: frozenset[Said]) -> History:
    history = History()
    for intended in sorted(intents):
        history.add(
            Intent(
                **_MESSAGE, **_SENDER, attempt=intended.attempt, nonce=intended.nonce, record=_record("t:0:0")
            )
        )
    for said in sorted(facts):
        one = fact(said)
        if isinstance(one, ClaimFact):
            history.add(one)
    return history


def _said(facts: Iterable[AnyFact]) -> tuple[Said, ...]:
    said = []
    for one in facts:
        match one:
            case AmbiguousFact():
                said.append(Said(Kind.AMBIGUOUS, one.attempt, one.nonces))
            case ClosedFact(why=ClosedWhy.CANCELLED):
                said.append(Said(Kind.CANCELLED))
            case _:
                raise AssertionError(f"the model does not know that a rebuild says {one}")
    return tuple(said)


@cache
def _record(name: str) -> RecordId:
    topic, partition, offset = name.split(":")
    return RecordId(topic=topic, partition=int(partition), offset=int(offset))
