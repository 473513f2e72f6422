"""The project's own decisions, asked about the states of the model: nothing here is written a second time.

| decision | code |
|---|---|
| what a task does about a claim | `dispatchers.policy.step` |
| the status of a message | `streams.fold.fold` |
| the claim that a rebuild makes, and what it says | `ledger.history` |
| which states may follow which | `schemas.status.MOVES` |

All are pure, and the model knows few messages: each question is asked once.
"""

from collections.abc import Iterable
from functools import cache

from dispatchers import policy
from ledger.claims import Claim, Closed, Looked
from ledger.history import ClaimFact, History, Rebuilt, ambiguous_facts, cancelled_facts
from schemas.facts import (
    AmbiguousFact,
    AnyFact,
    CancelAsked,
    ClosedWhy,
    OutcomeFact,
    Receipt,
    ReceiptStatus,
    Routed,
)
from schemas.facts import Closed as ClosedFact
from schemas.messages import Content, Lane
from schemas.provider import Accepted, Certain, Fault, Provider, Rejected, Unavailable
from schemas.status import State
from schemas.tasks import How, Intent, RecordId, Task
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
_WHYS = {Kind.CANCELLED: ClosedWhy.CANCELLED, Kind.EXPIRED: ClosedWhy.EXPIRED}


@cache
def step(attempt: int, how: How, record: str, claim: Claim, *, late: bool) -> policy.Step:
    """What a task does about the claim that it finds."""
    task = Task(
        **_MESSAGE, **_SENDER, attempt=attempt, how=how, lane=Lane.QUEUED, to_number="+15550111", text="x",
        segments=1, valid_until=_FAR,
    )  # fmt: skip
    passed = getattr(claim, "until", None) == OVER
    return policy.step(task, _record(record), Looked(claim, until_passed=passed), late=late)


@cache
def status(facts: frozenset[Said]) -> State | None:
    """What the fold makes of these facts: the same in any order."""
    row: Row | None = None
    for offset, one in enumerate([_ROUTED, *map(fact, sorted(facts))]):
        row, _ = fold(row, one, offset)
    return None if row is None or row.word is None else row.word.state


@cache
def rebuilt(intents: frozenset[Intended], facts: frozenset[Said]) -> Rebuilt:
    """The claim that a rebuild makes."""
    return _history(intents, facts).claim


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
        case Kind.CANCELLED | Kind.EXPIRED:
            return ClosedFact(**_MESSAGE, at=0, why=_WHYS[said.kind])


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
