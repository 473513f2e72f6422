"""What a message is inside the simulated networks, whichever provider took it."""

from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

Provider: TypeAlias = Literal["twilio", "telnyx", "vonage"]
Signature: TypeAlias = Literal["good", "bad", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A send request that passed the provider's checks, not yet accepted; or a text from a handset."""

    provider: Provider
    account: str
    """The account's `id` in the configuration."""
    to: str
    """+E.164, whatever the provider's form."""
    sender: str
    text: str
    media: tuple[str, ...] = ()
    webhook_url: str | None = None
    """Where it is told of; for Twilio with its connection-override fragment."""
    failover_url: str | None = None
    client_ref: str | None = None
    tags: tuple[str, ...] = ()
    channel: Literal["sms", "mms"] = "sms"
    service: str | None = None
    """Messaging service (Twilio) or messaging profile (Telnyx)."""
    subject: str | None = None
    inbound: bool = False
    """From a handset to one of our numbers: `sender` is the handset."""
    idempotency_key: str | None = None
    fingerprint: str | None = None
    """What another request must share to count as a repeat of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One status that a message reaches, and the callback that tells it."""

    status: str
    """The provider's word."""
    code: str | None
    """The provider's error code, where the status is a failure."""
    reached: float
    """Seconds after acceptance at which a look-up shows it."""
    told: float | None
    """Seconds after acceptance at which the callback leaves; None: never."""
    copies: int = 1
    signature: Signature = "good"
    skew: int = 0
    """Seconds by which the signature's own time is off."""
    spoiled_attempts: int | None = 1
    """How many attempts bear the faulty signature or time; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An accepted message. What it will come to was fixed when it was accepted."""

    id: str
    draft: Draft
    at: float
    """When the network accepted it, in seconds since the epoch."""
    reaches_handset: bool
    receipts: tuple[Receipt, ...]
    early: bool = False
    """Whether receipts leave before the answer to the send."""

    def latest(self, now: float) -> Receipt | None:
        """The last status that it has reached; None: still as it was accepted."""
        reached = [receipt for receipt in self.receipts if self.at + receipt.reached <= now]
        return reached[-1] if reached else None

    def to_json(self) -> dict[str, Any]:
        """The message as the state file holds it."""
        return {
            "id": self.id,
            "at": self.at,
            "reaches_handset": self.reaches_handset,
            "early": self.early,
            "draft": _plain(self.draft),
            "receipts": [_plain(receipt) for receipt in self.receipts],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Message":
        """The message that `to_json` wrote."""
        draft = record["draft"] | {name: tuple(record["draft"].get(name, ())) for name in ("media", "tags")}
        return cls(
            id=record["id"],
            at=record["at"],
            reaches_handset=record["reaches_handset"],
            early=record["early"],
            draft=Draft(**draft),
            receipts=tuple(Receipt(**receipt) for receipt in record["receipts"]),
        )


def _plain(value: Draft | Receipt) -> dict[str, Any]:
    """The fields that differ from their defaults: short lines for the many ordinary messages."""
    shown = {field.name: getattr(value, field.name) for field in fields(value)}
    return {f.name: shown[f.name] for f in fields(value) if shown[f.name] != f.default}
