"""What Kafka says of one message's hand-overs, and the claim that follows from it (docs/ledger.md). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from ledger.claims import Absent, Closed, Open, Via, is_unknown
from schemas.base import Millis
from schemas.facts import AmbiguousFact, AnyFact, CancelAsked, ClosedWhy, OutcomeFact
from schemas.facts import Closed as ClosedFact
from schemas.provider import Accepted, Rejected
from schemas.tasks import Intent, Void

#: The facts that bear on a claim. `Routed` and our own `Rejected` speak of no hand-over. A receipt does, but
#: the fold counts it only once a fact of ours has named its nonce: if it settled the claim here, nobody would
#: ever say `ambiguous`, and the message would stay queued for good (docs/decisions/0013).
ClaimFact = OutcomeFact | AmbiguousFact | CancelAsked | ClosedFact
#: Nobody is handing over, as far as a rebuilt ledger knows: whoever still does finds its claim unknown.
Rebuilt = Absent | Open | Closed


@dataclass(slots=True)
class History:
    """One message's intents, the nonces of those that were voided, and its facts, in any order."""

    intents: list[Intent] = field(default_factory=list)
    voids: set[str] = field(default_factory=set)
    facts: list[ClaimFact] = field(default_factory=list)

    def add(self, known: "Intent | Void | ClaimFact") -> None:
        """One more thing that Kafka says."""
        match known:
            case Intent():
                self.intents.append(known)
            case Void(nonce=nonce):
                self.voids.add(nonce)
            case fact:
                self.facts.append(fact)

    @property
    def claim(self) -> Rebuilt:
        """What follows from it."""
        return rebuilt(self.intents, self.voids, self.facts)

    @property
    def forget_at(self) -> Millis:
        """When every store forgets the message."""
        return max(known.forget_at for known in (*self.intents, *self.facts))


def settles(fact: AnyFact) -> TypeGuard[OutcomeFact]:
    """Whether the message is closed(sent) by this fact alone, whatever else is known."""
    return isinstance(fact, OutcomeFact) and isinstance(fact.outcome, Accepted | Rejected) and not fact.again


def rebuilt(intents: Sequence[Intent], voids: Iterable[str], facts: Sequence[ClaimFact]) -> Rebuilt:
    """The claim of a message; the order and repetition of what is known do not matter.

    An attempt that was intended, not voided, and came to nothing certain may have been sent:
    closed(unknown), and no throttling outweighs that it was called ambiguous. A fact of ours
    counts by itself, and for the intent before it. A cancel that was asked is honoured where nothing
    may have been sent, and the attempt that it was asked of is still the next one: the script told no
    where that attempt had been handed over, and it says so here, too (docs/decisions/0041).
    """
    settled = [fact.attempt for fact in facts if settles(fact)]
    if settled:
        return Closed("sent", max(settled))
    ended = {fact.why for fact in facts if isinstance(fact, ClosedFact)}
    if ended:
        return Closed(next(why.value for why in ClosedWhy if why in ended), 0)
    gone = set(voids)
    standing = [intent for intent in intents if intent.nonce not in gone]
    ambiguous = [fact for fact in facts if isinstance(fact, AmbiguousFact)]
    retries = [fact for fact in facts if isinstance(fact, OutcomeFact)]
    attempts = {intent.attempt for intent in standing}
    attempts.update(fact.attempt for fact in ambiguous)
    attempts.update(fact.attempt for fact in retries)
    asked = {fact.attempt for fact in facts if isinstance(fact, CancelAsked)}
    if not attempts:
        return Closed("cancelled", 0) if 1 in asked else Absent()
    attempt = max(attempts)
    retried = [str(fact.record) for fact in retries if fact.attempt == attempt]
    said = [fact for fact in ambiguous if fact.attempt == attempt]
    if said or not retried:
        through = {intent.nonce: _via(intent) for intent in standing if intent.attempt == attempt}
        through.update((nonce, _via(fact)) for fact in said for nonce in fact.nonces)
        return Closed("unknown", attempt, *(through.popitem() if len(through) == 1 else ()))
    if attempt + 1 in asked and not ambiguous:
        return Closed("cancelled", 0)
    return Open(attempt + 1, min(retried), bool(ambiguous))


def _via(known: Intent | AmbiguousFact) -> Via:
    return Via(known.provider, known.account, known.sender)


def cancelled_facts(history: History, now: Millis) -> list[ClosedFact]:
    """What a rebuild must say of a cancel that it honours and nobody has said yet."""
    claim = history.claim
    said = any(isinstance(fact, ClosedFact) for fact in history.facts)
    if said or not (isinstance(claim, Closed) and claim.why == "cancelled"):
        return []
    asked = next(fact for fact in history.facts if isinstance(fact, CancelAsked))
    return [
        ClosedFact(
            message_id=asked.message_id,
            organization=asked.organization,
            at=now,
            forget_at=asked.forget_at,
            why=ClosedWhy.CANCELLED,
        )
    ]


def ambiguous_facts(history: History, now: Millis) -> list[AmbiguousFact]:
    """What a rebuild must say of a closed(unknown): one fact for each sender that it may have gone out from.

    Nothing where the claim is another, or all of it has been said before.
    """
    claim = history.claim
    if not is_unknown(claim):
        return []
    said = {
        nonce
        for fact in history.facts
        if isinstance(fact, AmbiguousFact) and fact.attempt == claim.attempt
        for nonce in fact.nonces
    }
    maybe = [i for i in history.intents if i.attempt == claim.attempt and i.nonce not in history.voids]
    if all(intent.nonce in said for intent in maybe):
        return []
    senders = {(i.provider, i.account, i.sender): i for i in maybe}
    return [
        AmbiguousFact(
            message_id=one.message_id,
            organization=one.organization,
            at=now,
            forget_at=one.forget_at,
            attempt=one.attempt,
            provider=one.provider,
            account=one.account,
            sender=one.sender,
            nonces=tuple(sorted(i.nonce for i in maybe if (i.provider, i.account, i.sender) == sender)),
            detail="the ledger was lost while it was being handed over",
        )
        for sender, one in senders.items()
    ]
