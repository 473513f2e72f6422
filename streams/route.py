"""The app `route`: a message becomes one task, or is rejected; what repeats is judged here alone."""

import logging
from collections.abc import Callable
from typing import Final, Protocol

from prometheus_client import Counter

from schemas import ids, topics
from schemas.base import DecodeError
from schemas.facts import Rejected, Routed
from schemas.lanes import Lane
from schemas.messages import Failover, Message, Refusal, decode_message
from schemas.provider import Provider
from schemas.refusals import CONFLICT
from streams import routing
from streams.dead import bury
from streams.dedupe import Again, Conflict, Duplicate, New, Place, Sighting, Verdict, judge
from streams.engine import Emit, Record
from streams.routing import Chosen, Refused, Senders
from streams.tracing import trace

log = logging.getLogger(__name__)

#: All that the handler writes to.
OUTPUTS: Final = (
    *(topics.dispatch(provider, lane) for provider in Provider for lane in Lane),
    topics.EVENTS,
    topics.dead_letters(topics.MESSAGES),
)

HANDLED: Final = Counter(
    "helio_route_handled_total", "Records of sms.messages.v1 by what became of them.", ["result"]
)


class First(Protocol):
    """The table `first`: by id, the first sighting."""

    def get(self, key: bytes, /) -> bytes | None: ...  # noqa: D102  # as a dictionary's
    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...


class Router:
    """Handles the records of `sms.messages.v1`.

    Args:
        first: the table of first sightings.
        senders: the directory as it stands when called.
        now: the wall clock, in milliseconds.
    """

    def __init__(self, first: First, senders: Callable[[], Senders], now: Callable[[], int]) -> None:
        self._first = first
        self._senders = senders
        self._now = now

    def handle(self, record: Record, emit: Emit) -> None:
        """One record: emits a task and `routed`, or `rejected`, or a dead letter, or nothing."""
        HANDLED.labels(self._handled(record, emit)).inc()

    def _handled(self, record: Record, emit: Emit) -> str:
        try:
            message = decode_message(record.value)
        except DecodeError as e:
            log.warning("route.unreadable partition=%d offset=%d: %s", record.partition, record.offset, e)
            bury(record, str(e), emit)
            return "unreadable"
        if isinstance(message, Failover):
            task = message.task
            emit(
                topics.dispatch(task.provider, task.lane), task.encode(), task.sender.encode(), trace(record)
            )
            return "rerouted"
        now = self._now()
        if message.forget_at <= now:
            return "forgotten"
        match self._judge(message.message_id, message, record, now) if message.can_repeat else New():
            case New() | Again():
                return self._pass_on(message, record, emit, now)
            case Duplicate():
                return "duplicate"
            case Conflict():
                return self._conflict(message, record, emit, now)

    def _judge(self, id_: str, message: Message | Refusal, record: Record, now: int) -> Verdict:
        """What the record is under `id_`; a first sighting is remembered."""
        key = id_.encode()
        place = Place(record.partition, record.offset, record.timestamp)
        sighting = Sighting(place, message.content.fingerprint, message.forget_at)
        verdict = judge(self._first.get(key), sighting, now)
        if isinstance(verdict, New):
            self._first[key] = sighting.encode()
        return verdict

    def _pass_on(self, message: Message | Refusal, record: Record, emit: Emit, now: int) -> str:
        if isinstance(message, Refusal):
            self._reject(message, Refused(message.code, message.detail), record, emit, now)
            return "refused"
        chosen = routing.route(message, self._senders())
        if isinstance(chosen, Refused):
            self._reject(message, chosen, record, emit, now)
            return "rejected"
        task = chosen.task
        emit(topics.dispatch(task.provider, task.lane), task.encode(), task.sender.encode(), trace(record))
        self._tell(_routed(message, chosen, now), record, emit)
        return "routed"

    def _conflict(self, message: Message | Refusal, record: Record, emit: Emit, now: int) -> str:
        """Other content under a used key: rejected under an id of its own, once for each such content."""
        own = ids.of_conflict(message.message_id, message.content.fingerprint)
        if not isinstance(self._judge(own, message, record, now), New | Again):
            return "duplicate"
        why = Refused(
            CONFLICT, f"Its key was used before with other content, by message {message.message_id}."
        )
        self._reject(message, why, record, emit, now, as_id=own)
        return "conflict"

    def _reject(
        self,
        message: Message | Refusal,
        why: Refused,
        record: Record,
        emit: Emit,
        now: int,
        *,
        as_id: str | None = None,
    ) -> None:
        fact = Rejected(
            message_id=as_id or message.message_id,
            organization=message.organization,
            at=now,
            forget_at=message.forget_at,
            code=why.code,
            detail=why.detail,
            content=message.content,
            provider=message.provider if isinstance(message, Message) else None,
            conflicts_with=message.message_id if as_id else None,
        )
        self._tell(fact, record, emit)

    def _tell(self, fact: Routed | Rejected, record: Record, emit: Emit) -> None:
        # By its key, not by this record's partition: a conflict's own id lies elsewhere.
        emit(topics.EVENTS, fact.encode(), fact.message_id.encode(), trace(record))


def _routed(message: Message, chosen: Chosen, now: int) -> Routed:
    return Routed(
        message_id=message.message_id,
        organization=message.organization,
        at=now,
        forget_at=message.forget_at,
        attempt=chosen.task.attempt,
        provider=chosen.task.provider,
        account=chosen.task.account,
        sender=chosen.task.sender,
        reason=chosen.reason,
        content=message.content,
    )
