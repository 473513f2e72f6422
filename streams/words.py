"""What each fact says of a message's fate, as a `Word`. Pure."""

from typing import Final, assert_never

from schemas.facts import (
    AmbiguousFact,
    Closed,
    ClosedWhy,
    Deadline,
    OutcomeFact,
    Receipt,
    ReceiptStatus,
    Rejected,
    Reported,
    Rerouted,
    Routed,
)
from schemas.provider import Accepted, Throttled, Unavailable
from schemas.provider import Rejected as RejectedByProvider
from schemas.public import Failure, SettledBy
from streams.rows import Rank, Word

#: `failure.code` of a message that its owner's policy has failed.
UNKNOWN_OUTCOME: Final = "unknown_outcome"

_STATUSES: Final = {
    ReceiptStatus.SENT: Rank.SENT,
    ReceiptStatus.DELIVERED: Rank.DELIVERED,
    ReceiptStatus.UNDELIVERED: Rank.UNDELIVERED,
    ReceiptStatus.FAILED: Rank.FAILED,
}
_CLOSED: Final = {
    ClosedWhy.EXPIRED: "It could not be handed over within its validity.",
    ClosedWhy.OPTED_OUT: "The recipient has opted out.",
    ClosedWhy.SENDER_NOT_FOUND: "Its sender was taken out of the directory while it waited.",
    ClosedWhy.SENDER_SUSPENDED: "Its sender was suspended while it waited.",
    ClosedWhy.ACCOUNT_UNAVAILABLE: "The account of its sender was suspended or gone while it waited.",
    ClosedWhy.ASSISTANT_SUSPENDED: "The assistant of its sender was suspended while it waited.",
    ClosedWhy.USE_CASE_NOT_FOUND: "Its use case was deleted while it waited.",
    ClosedWhy.USE_CASE_SUSPENDED: "Its use case was suspended while it waited.",
    ClosedWhy.CAMPAIGN_NOT_VERIFIED: "The campaign of its sender lost its verification while it waited.",
    ClosedWhy.BRAND_SUSPENDED: "The brand of its sender was suspended while it waited.",
}
_NOBODY_KNOWS: Final = "It was handed over, and nobody could learn what came of it: it may have arrived."


def routed(fact: Routed) -> Word:
    """It lies with us."""
    return _of_hand_over(fact, Rank.QUEUED)


def rerouted(fact: Rerouted) -> Word:
    """It lies with us still; its next attempt has another sender."""
    return _of_hand_over(fact, Rank.QUEUED)


def refused(fact: Rejected) -> Word:
    """We have refused it."""
    failure = Failure(code=fact.code, detail=fact.detail)
    return Word(rank=Rank.REFUSED, at=fact.at, provider=fact.provider, failure=failure)


def outcome(fact: OutcomeFact) -> Word:
    """The provider's answer to a hand-over, given at once, late, or when it was asked."""
    by = SettledBy.ASKED if fact.asked else SettledBy.ANSWER
    match fact.outcome:
        case Accepted(provider_message_id=provider_message_id):
            return _of_hand_over(fact, Rank.SENT, provider_message_id=provider_message_id, by=by)
        case RejectedByProvider() if fact.again:
            return _of_hand_over(fact, Rank.QUEUED)
        case RejectedByProvider(fault=fault, code=code, detail=detail):
            failure = Failure(code="rejected", detail=detail, provider_code=code or None, fault=fault)
            return _of_hand_over(fact, Rank.REJECTED, failure=failure, by=by)
        case Throttled() | Unavailable():
            return _of_hand_over(fact, Rank.QUEUED)
        case _:
            assert_never(fact.outcome)


def ambiguous(fact: AmbiguousFact) -> Word:
    """Nobody knows what came of a hand-over."""
    return _of_hand_over(fact, Rank.UNKNOWN)


def told_by_provider(fact: Receipt | Reported) -> Word:
    """What the provider says of a message, of itself or because it was asked."""
    rank, failure = _STATUSES[fact.status], None
    by, said = SettledBy.RECEIPT, "receipt"
    if isinstance(fact, Reported):
        by, said = SettledBy.ASKED, "answer to our question"
    if rank in (Rank.FAILED, Rank.UNDELIVERED):
        detail = fact.detail or f"The provider's {said} says {fact.status}."
        failure = Failure(code=fact.status, detail=detail, provider_code=fact.code, fault=fact.fault)
    return _of_hand_over(fact, rank, provider_message_id=fact.provider_message_id, failure=failure, by=by)


def closed(fact: Closed) -> Word:
    """It ended without a hand-over."""
    match fact.why:
        case ClosedWhy.CANCELLED:
            return Word(rank=Rank.CANCELLED, at=fact.at)
        case why:
            failure = Failure(code=why, detail=_CLOSED[why])
            return Word(rank=Rank.CLOSED, at=fact.at, failure=failure)


def failed_by_policy(fact: Deadline, unknown: Word) -> Word:
    """Its owner has it that `unknown` counts as failed: a belief of ours, as weak as our other endings."""
    failure = Failure(code=UNKNOWN_OUTCOME, detail=_NOBODY_KNOWS)
    return unknown._replace(rank=Rank.CLOSED, at=fact.at, failure=failure, by=SettledBy.POLICY)


def resent_by_policy(fact: Deadline, unknown: Word) -> Word:
    """Its owner has it that it is sent again, as the attempt after `unknown`."""
    return unknown._replace(rank=Rank.QUEUED, at=fact.at, attempt=fact.attempt + 1, by=SettledBy.POLICY)


def _of_hand_over(
    fact: Routed | Rerouted | OutcomeFact | AmbiguousFact | Receipt | Reported,
    rank: Rank,
    *,
    provider_message_id: str | None = None,
    failure: Failure | None = None,
    by: SettledBy | None = None,
) -> Word:
    return Word(
        rank=rank,
        at=fact.at,
        attempt=fact.attempt,
        provider=fact.provider,
        account=fact.account,
        # A receipt does not know it: the hand-over that it names does (`streams.fold`).
        sender=None if isinstance(fact, Receipt) else fact.sender,
        provider_message_id=provider_message_id,
        failure=failure,
        by=by,
    )
