"""One message's records, as dispatchers and webhooks write them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from broker.publish import Outgoing, Publish
from ledger import Ledger
from ledger.claims import Ask, Claim, Own, Via
from schemas import topics
from schemas.facts import AmbiguousFact, AnyFact, CancelAsked, ClosedWhy, OutcomeFact, Receipt, ReceiptStatus
from schemas.facts import Closed as ClosedFact
from schemas.provider import Certain, Provider
from schemas.tasks import How, Intent, Intents, RecordId, Void

RECORD = RecordId(topic="sms.dispatch.twilio.queued.v1", partition=1, offset=7)
#: What its hand-overs go out through.
VIA = Via(Provider.TWILIO, "main", "+15550100")
HOUR = 3_600_000
PARTITIONS = 2


def now() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Message:
    """One message's records, as dispatchers and webhooks write them."""

    id: str = field(default_factory=lambda: str(uuid4()))
    forget_at: int = field(default_factory=lambda: now() + 72 * HOUR)

    def intent(self, nonce: str, attempt: int = 1, account: str = "main") -> Intent:
        return Intent(
            message_id=self.id, organization="acme", attempt=attempt, nonce=nonce, record=RECORD,
            provider=Provider.TWILIO, account=account, sender="+15550100", forget_at=self.forget_at,
        )  # fmt: skip

    def void(self, nonce: str, attempt: int = 1) -> Void:
        return Void(message_id=self.id, attempt=attempt, nonce=nonce)

    def outcome(self, nonce: str, outcome: Certain, attempt: int = 1) -> OutcomeFact:
        return OutcomeFact(**self._attempted(attempt), nonce=nonce, record=RECORD, outcome=outcome)

    def ambiguous(self, *nonces: str, attempt: int = 1) -> AmbiguousFact:
        return AmbiguousFact(**self._attempted(attempt), nonces=nonces, detail="timeout")

    def receipt(self, nonce: str, account: str = "main") -> Receipt:
        return Receipt(
            message_id=self.id, organization="acme", at=now(), forget_at=self.forget_at, attempt=1,
            nonce=nonce, provider=Provider.TWILIO, account=account, provider_message_id="SM1",
            status=ReceiptStatus.DELIVERED, raw="{}",
        )  # fmt: skip

    def closed(self, why: ClosedWhy) -> ClosedFact:
        return ClosedFact(
            message_id=self.id, organization="acme", at=now(), forget_at=self.forget_at, why=why
        )

    def cancel_asked(self, attempt: int = 1) -> CancelAsked:
        return CancelAsked(
            message_id=self.id, organization="acme", at=now(), forget_at=self.forget_at, attempt=attempt
        )

    def ask(self, nonce: str, attempt: int = 1, how: How = How.PLAIN) -> Ask:
        return Ask(
            message_id=self.id, attempt=attempt, how=how, nonce=nonce, record=str(RECORD), segments=1,
            paces=(), valid_until=now() + HOUR, forget_at=self.forget_at, hold_ms=60_000,
        )  # fmt: skip

    def own(self, nonce: str, attempt: int = 1) -> Own:
        return Own(self.id, attempt, nonce, self.forget_at)

    def _attempted(self, attempt: int) -> dict[str, object]:
        return {
            "message_id": self.id, "organization": "acme", "at": now(), "forget_at": self.forget_at,
            "attempt": attempt, "provider": Provider.TWILIO, "account": "main", "sender": "+15550100",
        }  # fmt: skip


async def write(publish: Publish, *records: Intents | AnyFact) -> None:
    """Append, in order; intents under one dispatcher's key, facts under their message's."""
    await publish(
        [
            Outgoing(topics.INTENTS, b"dispatcher", record.encode())
            if isinstance(record, Intents)
            else Outgoing(topics.EVENTS, record.message_id.encode(), record.encode())
            for record in records
        ]
    )


def intents(*intended: Intent, voids: Sequence[Void] = ()) -> Intents:
    return Intents(at=now(), intents=intended, voids=tuple(voids))


async def claims(ledger: Ledger, *messages: Message) -> list[Claim]:
    return [looked.claim for looked in await ledger.look([message.id for message in messages])]
