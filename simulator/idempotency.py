"""Idempotency keys as Telnyx documents them: a success is replayed for a day, nothing else is."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from simulator.messages import Draft, Message

_KEPT_SECONDS: Final = 24 * 3600


class Verdict(Enum):
    """What a key says of a request, where it does not name a message to replay."""

    FRESH = auto()
    """Carry it out; `end` must follow."""
    IN_PROGRESS = auto()
    """The first request with this key is not answered yet."""
    REUSED = auto()
    """The key belongs to another request."""


class IdempotencyKeys:
    """The keys of every account.

    Args:
        messages: those accepted before, whose keys still hold.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._open: dict[tuple[str, str], str | None] = {}
        self._accepted: dict[tuple[str, str], Message] = {}
        for message in messages:
            self._remember(message)

    def begin(self, draft: Draft, now: float) -> Verdict | Message:
        """Whether to carry the request out; or the message that it already made."""
        if draft.idempotency_key is None:
            return Verdict.FRESH
        key = (draft.account, draft.idempotency_key)
        if key in self._open:
            same = self._open[key] == draft.fingerprint
            return Verdict.IN_PROGRESS if same else Verdict.REUSED
        message = self._accepted.get(key)
        if message is None or now - message.at >= _KEPT_SECONDS:
            self._open[key] = draft.fingerprint
            return Verdict.FRESH
        return message if message.draft.fingerprint == draft.fingerprint else Verdict.REUSED

    def end(self, draft: Draft, message: Message | None) -> None:
        """The request is answered; with the message that it made, if it succeeded."""
        if draft.idempotency_key is None:
            return
        self._open.pop((draft.account, draft.idempotency_key), None)
        if message is not None:
            self._remember(message)

    def _remember(self, message: Message) -> None:
        if message.draft.idempotency_key is not None:
            self._accepted[message.draft.account, message.draft.idempotency_key] = message
