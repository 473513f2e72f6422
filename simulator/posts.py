"""The log of send requests: what tests count on the wire."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from simulator.messages import Draft, Message
from simulator.messages import Provider as ProviderName

_KEPT: Final = 10_000

Outcome: TypeAlias = Literal["open", "accepted", "replayed", "refused"]
"""Not ended yet; accepted, whatever was answered; replayed by its key; not accepted."""


@dataclass(slots=True)
class Post:
    """One send request, filled in as it goes on."""

    at: float
    provider: ProviderName
    account: str | None = None
    draft: Draft | None = None
    outcome: Outcome = "open"
    fault: str | None = None
    """The kind of the scripted fault that it met."""
    status: int | None = None
    """The HTTP status that it was answered with; None: not answered."""
    message: Message | None = None

    def shown(self) -> dict[str, Any]:
        """As `GET /requests` shows it."""
        draft = self.draft
        return {
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds"),
            "provider": self.provider,
            "account": self.account,
            "to": None if draft is None else draft.to,
            "from": None if draft is None else draft.sender,
            "idempotency_key": None if draft is None else draft.idempotency_key,
            "outcome": self.outcome,
            "fault": self.fault,
            "status": self.status,
            "provider_message_id": None if self.message is None else self.message.id,
        }


@dataclass(slots=True)
class PostLog:
    """Counts of all requests since the start, and the last ten thousand of them."""

    _latest: deque[Post] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _ended: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def arrived(self, now: float, provider: ProviderName) -> Post:
        """A request came in; counted from now on."""
        post = Post(at=now, provider=provider)
        self._latest.append(post)
        self._ended[provider, "unknown", "total"] += 1
        return post

    def identified(self, post: Post, account: str) -> None:
        """Its credentials are those of `account`."""
        post.account = account
        self._ended[post.provider, "unknown", "total"] -= 1
        self._ended[post.provider, account, "total"] += 1

    def ended(self, post: Post, outcome: Outcome) -> None:
        """What became of it."""
        post.outcome = outcome
        self._ended[post.provider, post.account or "unknown", outcome] += 1

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """By provider, account and outcome; `total` is counted at arrival."""
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for (provider, account, outcome), number in sorted(self._ended.items()):
            if number:
                counts.setdefault(provider, {}).setdefault(account, {})[outcome] = number
        return counts

    def latest(self) -> Iterable[Post]:
        """Oldest first."""
        return iter(self._latest)
