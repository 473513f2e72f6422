"""Scripted faults: which requests they meet, and what they do. Nothing here is left to chance."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulator.messages import Draft, Provider, Signature
from simulator.numbers import plus


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slow(_Strict):
    """The answer comes late."""

    kind: Literal["slow"]
    ms: int = Field(gt=0, le=600_000)
    accepted: Literal["before", "after"] = "before"
    """Whether the network accepts the text before the wait, or only at its end."""
    part: Literal["answer", "body"] = "answer"
    """What is late: the whole answer, or only its body after the headers."""


class Refuse(_Strict):
    """The connection is reset; nothing is accepted and nothing answered."""

    kind: Literal["refuse"]


class Drop(_Strict):
    """The connection is closed in good order without an answer."""

    kind: Literal["drop"]
    accepted: bool


class Hang(_Strict):
    """No answer comes, until the client leaves or `max_seconds` have passed."""

    kind: Literal["hang"]
    accepted: bool = True
    max_seconds: float = Field(default=60.0, gt=0, le=600)


class Reject(_Strict):
    """The provider refuses the message, with one of its own error codes."""

    kind: Literal["reject"]
    code: str = Field(pattern=r"^[a-z0-9-]+$")
    """As the provider documents it: 21610 (Twilio), 40300 (Telnyx), 1120 or low-balance (Vonage)."""
    status: int | None = Field(default=None, ge=400, le=499)
    """HTTP status; by default the one that goes with the code."""
    message: str | None = None


class Throttle(_Strict):
    """HTTP 429, with the provider's own body."""

    kind: Literal["throttle"]
    retry_after_seconds: int | None = Field(default=1, ge=0)
    """The `Retry-After` header; None leaves it out."""
    code: str | None = Field(default=None, pattern=r"^[a-z0-9-]+$")


class ServerError(_Strict):
    """HTTP 5xx, of a message that was accepted all the same, or not."""

    kind: Literal["server_error"]
    status: int = Field(default=503, ge=500, le=599)
    accepted: bool = False
    body: Literal["json", "html"] = "json"
    """The provider's own error, or a proxy's page."""
    key_remembered: bool = False
    """Telnyx: whether a repeat of the idempotency key finds the accepted message. By its
    documents only successes are replayed, so that a repeat after a 5xx is sent again."""


class Garbled(_Strict):
    """The message is accepted, and the answer a success that cannot be read."""

    kind: Literal["garbled"]
    body: Literal["empty", "html", "object"]


class Receipts(_Strict):
    """What becomes of the message's receipts, and of the message."""

    kind: Literal["receipts"]
    when: Literal["normal", "early", "never"] = "normal"
    """Early: the callbacks leave before the answer to the send."""
    delay_ms: int | None = Field(default=None, ge=0)
    """Time from one status to the next, in place of the account's."""
    copies: int = Field(default=1, ge=1, le=10)
    order: Literal["normal", "reversed"] = "normal"
    """Reversed: the last status is told first."""
    final: Literal["delivered", "undelivered", "failed", "none"] = "delivered"
    """None: it stays at `sent`, as where a route has no receipts."""
    code: str | None = Field(default=None, pattern=r"^\d+$")
    """The provider's error code of an ending that failed."""
    signature: Signature = "good"
    skew_seconds: int = 0
    """By how much the signature's own time is off (Telnyx and Vonage): -301 is stale."""
    spoiled_attempts: int | None = Field(default=1, ge=1)
    """How many attempts of each callback bear the faulty signature or time; None: all."""

    @model_validator(mode="after")
    def _code_has_a_failure(self) -> Self:
        if self.code is not None and self.final not in {"undelivered", "failed"}:
            raise ValueError("a code goes with final 'undelivered' or 'failed' only")
        return self


AnswerFault: TypeAlias = Slow | Refuse | Drop | Hang | Reject | Throttle | ServerError | Garbled
Fault: TypeAlias = Annotated[AnswerFault | Receipts, Field(discriminator="kind")]


class Match(_Strict):
    """Which messages a rule is about: those that agree with every field given."""

    to: str | None = None
    """A number in any provider's form, or the beginning of +E.164 numbers and a `*`."""
    sender: str | None = Field(default=None, alias="from")
    account: str | None = None
    provider: Provider | None = None

    def meets(self, draft: Draft) -> bool:
        """Whether `draft` is one of them."""
        return (
            (self.account is None or self.account == draft.account)
            and (self.provider is None or self.provider == draft.provider)
            and (self.to is None or _same(self.to, draft.to))
            and (self.sender is None or _same(self.sender, draft.sender))
        )


def _same(wanted: str, number: str) -> bool:
    if wanted.endswith("*"):
        return number.startswith(wanted[:-1])
    return plus(wanted) == number


class Rule(_Strict):
    """One scripted fault: whom it meets, what it does, and how often."""

    match: Match = Match()
    fault: Fault
    times: int | None = Field(default=None, ge=1)
    """How many requests it meets before it is spent; None: all."""
    every: int = Field(default=1, ge=1)
    """It meets every so-many-th of the requests that match: 10 is the tenth, the twentieth..."""


@dataclass(slots=True)
class _Entry:
    id: int
    rule: Rule
    seen: int = 0
    applied: int = 0

    def fires(self, draft: Draft) -> bool:
        """Whether the rule meets `draft`; counts it."""
        spent = self.rule.times is not None and self.applied >= self.rule.times
        if spent or not self.rule.match.meets(draft):
            return False
        self.seen += 1
        if self.seen % self.rule.every:
            return False
        self.applied += 1
        return True

    def shown(self) -> dict[str, Any]:
        times = self.rule.times
        return self.rule.model_dump(by_alias=True, mode="json") | {
            "id": self.id,
            "seen": self.seen,
            "applied": self.applied,
            "left": None if times is None else times - self.applied,
        }


@dataclass(slots=True)
class FaultBook:
    """The rules in their order. The first that meets a request decides.

    Faults of the answer and faults of the receipts are chosen apart, so that one message can
    have one of each.
    """

    _entries: list[_Entry] = field(default_factory=list)
    _last: int = 0

    def add(self, rule: Rule) -> dict[str, Any]:
        """Add a rule behind the others; returns it as `shown` does."""
        self._last += 1
        entry = _Entry(id=self._last, rule=rule)
        self._entries.append(entry)
        return entry.shown()

    def clear(self) -> None:
        """Forget every rule."""
        self._entries.clear()

    def remove(self, rule_id: int) -> bool:
        """Forget one rule; False if there is none of this id."""
        kept = [entry for entry in self._entries if entry.id != rule_id]
        found = len(kept) < len(self._entries)
        self._entries = kept
        return found

    def shown(self) -> list[dict[str, Any]]:
        """Every rule with what it has done."""
        return [entry.shown() for entry in self._entries]

    def answer_fault(self, draft: Draft) -> AnswerFault | None:
        """The fault of the answer to this request, if any; counts it as applied."""
        for entry in self._entries:
            fault = entry.rule.fault
            if not isinstance(fault, Receipts) and entry.fires(draft):
                return fault
        return None

    def receipt_fault(self, draft: Draft) -> Receipts | None:
        """The fault of an accepted message's receipts, if any; counts it as applied."""
        for entry in self._entries:
            fault = entry.rule.fault
            if isinstance(fault, Receipts) and entry.fires(draft):
                return fault
        return None
