"""The app `route`: a message becomes one task, or is rejected; what repeats is judged here alone."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from directory.pool import Standing
from directory.rates import of_sender
from directory.snapshot import Directory
from schemas import ids, topics
from schemas.base import DecodeError
from schemas.facts import Rejected, Rerouted, Routed
from schemas.lanes import Lane
from schemas.messages import Failover, Message, Refusal, decode_message
from schemas.provider import Provider
from schemas.refusals import CONFLICT, Refused
from schemas.tasks import Task
from schemas.waiting import Ticket, way
from streams import metrics, routing
from streams.dead import bury
from streams.dedupe import Again, Conflict, Duplicate, New, Place, Sighting, Verdict, judge
from streams.engine import Emit, Record
from streams.lines import Lines
from streams.rerouting import reroute
from streams.routing import Chosen
from streams.tracing import trace

log = logging.getLogger(__name__)

#: All that the handler writes to.
OUTPUTS: Final = (
    *(topics.dispatch(provider, lane) for provider in Provider for lane in Lane),
    *topics.WAITING.values(),
    topics.EVENTS,
    topics.dead_letters(topics.MESSAGES),
)


class First(Protocol):
    """The table `first`: by id, the first sighting."""

    def get(self, key: bytes, /) -> bytes | None: ...  # noqa: D102  # as a dictionary's
    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...


class Remembering(Protocol):
    """See `streams.memory.Recipients`."""

    def number(self, use_case_id: str | None, to_number: str, /) -> str | None: ...  # noqa: D102  # see there


@dataclass(frozen=True)
class Surroundings:
    """What routing depends on besides the record; each is asked anew for every message."""

    #: Who may send what.
    directory: Callable[[], Directory]
    #: What stands against senders now.
    standing: Callable[[], Standing]
    #: What recipients remember.
    recipients: Remembering
    #: The wall clock, in milliseconds.
    now: Callable[[], int]


class Router:
    """Handles the records of `sms.messages.v1`; `first` is the table of first sightings."""

    def __init__(self, first: First, around: Surroundings) -> None:
        self._first = first
        self._around = around
        self._lines = Lines()

    def handle(self, record: Record, emit: Emit) -> None:
        """One record: emits a task and `routed`, or `rejected`, or a dead letter, or nothing."""
        metrics.HANDLED.labels(self._handled(record, emit)).inc()

    def _handled(self, record: Record, emit: Emit) -> str:
        try:
            message = decode_message(record.value)
        except DecodeError as e:
            log.warning("route.unreadable partition=%d offset=%d: %s", record.partition, record.offset, e)
            bury(record, str(e), emit)
            return "unreadable"
        now = self._around.now()
        if message.forget_at <= now:
            return "forgotten"
        if isinstance(message, Failover):
            # Never a repeat to be judged: copies of a task meet its claim.
            return self._fail_over(message, record, emit, now)
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
        around, content = self._around, message.content
        chosen = routing.route(
            message,
            around.directory(),
            sticky=around.recipients.number(content.use_case_id, content.to_number),
            standing=around.standing(),
        )
        if isinstance(chosen, Refused):
            self._reject(message, chosen, record, emit, now)
            return "rejected"
        self._hand_on(chosen.task, record, emit, now)
        self._tell(_routed(message, chosen, now), record, emit)
        return "routed"

    def _fail_over(self, failover: Failover, record: Record, emit: Emit, now: int) -> str:
        """Another sender; where there is none of more use, the task goes on."""
        around, task = self._around, failover.task
        chosen = reroute(
            failover,
            around.directory(),
            sticky=around.recipients.number(task.use_case_id, task.to_number),
            standing=around.standing(),
            now=now,
        )
        self._hand_on(chosen.task, record, emit, now)
        if isinstance(chosen, Chosen):
            self._tell(_rerouted(failover, chosen, now), record, emit)
            return "rerouted"
        return "stranded"

    def _hand_on(self, task: Task, record: Record, emit: Emit, now: int) -> None:
        """To the dispatchers; where it is not due, or its turn comes later, through waiting."""
        due = task.not_before
        if rates := of_sender(self._around.directory(), task.sender, task.account):
            place = self._lines.place(task, rates, now)
            due = place.due
            if task.turn is None and place.turn is not None:
                task = task.model_copy(update={"turn": place.turn})
        ticket = Ticket(due, topics.dispatch(task.provider, task.lane), task.sender.encode())
        topic, key, headers = way(ticket, task.message_id, now)
        emit(topic, task.encode(), key, [*trace(record), *headers])

    def _conflict(self, message: Message | Refusal, record: Record, emit: Emit, now: int) -> str:
        """Other content under a used key: rejected under an id of its own, once for each such content."""
        # Everybody is told the id: a redacted text must not be found by trying which one makes it.
        own = ids.of_conflict(message.message_id, message.content.told_fingerprint)
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
            taken_back=isinstance(message, Message),
        )
        self._tell(fact, record, emit)

    def _tell(self, fact: Routed | Rerouted | Rejected, record: Record, emit: Emit) -> None:
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


def _rerouted(failover: Failover, chosen: Chosen, now: int) -> Rerouted:
    return Rerouted(
        message_id=failover.message_id,
        organization=failover.organization,
        at=now,
        forget_at=failover.forget_at,
        attempt=chosen.task.attempt,
        provider=chosen.task.provider,
        account=chosen.task.account,
        sender=chosen.task.sender,
        reason=chosen.reason,
    )
