"""What is shown of an attempt at a hand-over, made of the fact that tells what came of it."""

from typing import Any, assert_never

from schemas.facts import AmbiguousFact, OutcomeFact
from schemas.provider import Accepted, Rejected, Throttled, Unavailable
from schemas.public import Attempt, AttemptOutcome


def shown(fact: OutcomeFact | AmbiguousFact) -> Attempt:
    """What `fact` says of its attempt; `at` is the fact's.

    The ledger notes an attempt before its fact is folded. Both show it by this, so it looks the same in both.
    """
    outcome, said = _said(fact)
    return Attempt(
        number=fact.attempt,
        at=fact.at,
        provider=fact.provider,
        account=fact.account,
        sender=fact.sender,
        outcome=outcome,
        **said,
    )


def _said(fact: OutcomeFact | AmbiguousFact) -> tuple[AttemptOutcome, dict[str, Any]]:
    if isinstance(fact, AmbiguousFact):
        return AttemptOutcome.UNKNOWN, {"detail": fact.detail}
    match fact.outcome:
        case Accepted(provider_message_id=provider_message_id):
            return AttemptOutcome.ACCEPTED, {"provider_message_id": provider_message_id}
        case Rejected(fault=fault, code=code, detail=detail):
            return AttemptOutcome.REJECTED, {
                "provider_code": code or None,
                "fault": fault,
                "detail": detail,
            }
        case Throttled(code=code, detail=detail):
            return AttemptOutcome.THROTTLED, {"provider_code": code or None, "detail": detail or None}
        case Unavailable(detail=detail):
            return AttemptOutcome.UNAVAILABLE, {"detail": detail}
        case _:
            assert_never(fact.outcome)
