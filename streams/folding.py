"""The app `fold`: facts of `sms.events.v1` go into rows, their transitions to `sms.status.v1`.

What a policy sends again goes to the dispatchers, a deadline that is put off to the waiting topics.
"""

import logging
from collections.abc import Callable
from typing import Final, Protocol

from schemas import cloudevents, topics
from schemas.base import DecodeError
from schemas.facts import Deadline, decode_fact
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import State
from schemas.waiting import EARLY_MS, Ticket, next_topic
from streams import metrics, rows, tracing
from streams.dead import bury
from streams.deadlines import put_off, resend
from streams.engine import Emit, Record
from streams.fold import fold
from streams.tracing import trace

log = logging.getLogger(__name__)

#: All that the handler writes to.
OUTPUTS: Final = (
    *(topics.dispatch(provider, lane) for provider in Provider for lane in Lane),
    *topics.WAITING.values(),
    topics.STATUS,
    topics.dead_letters(topics.EVENTS),
)

#: `labels()` costs as much as a header, and this is the hottest path.
_TOLD: Final = {state: metrics.TOLD.labels(state) for state in State}


class Rows(Protocol):
    """The table `rows`: by message id, `rows.Row` in bytes."""

    def get(self, key: bytes, /) -> bytes | None: ...  # noqa: D102  # as a dictionary's
    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...


class Folder:
    """Handles the records of `sms.events.v1`.

    Args:
        table: the rows.
        now: the wall clock, in milliseconds.
    """

    def __init__(self, table: Rows, now: Callable[[], int]) -> None:
        self._table = table
        self._now = now

    def handle(self, record: Record, emit: Emit) -> None:
        """One record: writes its row if that changed, and emits the transitions that it made."""
        try:
            fact = decode_fact(record.value)
        except DecodeError as e:
            metrics.FACTS_UNREADABLE.inc()
            log.warning("fold.unreadable partition=%d offset=%d: %s", record.partition, record.offset, e)
            bury(record, str(e), emit)
            return
        now = self._now()
        if fact.forget_at <= now:
            metrics.FORGOTTEN.inc()
            return
        key = fact.message_id.encode()
        before = self._row(key, now)
        folded, told = fold(before, fact, record.offset)
        after = tracing.begun(before, folded, record)
        if after is not before:
            self._table[key] = rows.encode(after)
        for status in told:
            _TOLD[status.status].inc()
            headers = [*_event(status), *tracing.told(after, record)]
            emit(topics.STATUS, status.encode(), key, headers, same_partition=True)
        if told and before is not None and before.told and before.told[-1].word.state is State.UNKNOWN:
            metrics.SETTLED.inc()
        if isinstance(fact, Deadline):
            metrics.DEADLINES.labels(_acted(after, fact, record, emit, told=told, now=now)).inc()

    def _row(self, key: bytes, now: int) -> rows.Row | None:
        value = self._table.get(key)
        # A row that has served its time is forgotten, whether it was evicted or not.
        return None if value is None or rows.forgotten(value, now) else rows.decode(value)


def _acted(
    row: rows.Row, fact: Deadline, record: Record, emit: Emit, *, told: list[StatusRecord], now: int
) -> str:
    """Emits the task of a message that its owner's policy sends again; what the deadline has done."""
    task = resend(row, fact, record.offset)
    if task is None and (later := put_off(row, fact)) is not None:
        _wait(later, now, record, emit)
        return "put_off"
    if task is None:
        return "failed" if told else "moot"
    log.info("fold.resent message=%s attempt=%d account=%s", task.message_id, task.attempt, task.account)
    emit(topics.dispatch(task.provider, task.lane), task.encode(), task.sender.encode(), trace(record))
    return "resent"


def _wait(later: Deadline, now: int, record: Record, emit: Emit) -> None:
    """Sends a deadline through the waiting topics; the last hop may be early by the shortest delay."""
    key = later.message_id.encode()
    ticket = Ticket(max(later.at, now) + EARLY_MS, topics.EVENTS, key)
    emit(next_topic(ticket, now), later.encode(), key, [*ticket.headers(), *trace(record)])


def _event(status: StatusRecord) -> list[tuple[str, bytes]]:
    return cloudevents.headers(id=status.id, type=topics.STATUS, at=status.at, subject=status.message_id)
