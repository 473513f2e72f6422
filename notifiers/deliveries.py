"""What is to be told to whom, and the record that waits in Kafka where it cannot be told now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.publish import Outgoing
from directory.snapshot import Directory
from notifiers.window import Window
from schemas import topics
from schemas.base import Millis
from schemas.directory import Active, Subscription
from schemas.notifications import Event, Notification, SwitchedOff, Trial, id_of
from schemas.public import InboundRecord, StatusRecord
from schemas.tracing import TRACEPARENT, trace
from schemas.waiting import Ticket, way

#: Longer than any message is remembered, so nothing that moves now is as old.
HISTORY_MS: Final = 7 * 86_400_000


class Job:
    """A record that was read, until each of its `count` deliveries is done with; then it is finished."""

    def __init__(self, window: Window, offset: int, count: int) -> None:
        self._window = window
        self._offset = offset
        self._left = count
        window.open(offset)
        if not count:
            window.finish(offset)

    @property
    def dropped(self) -> bool:
        """Its partition is another's now, who reads it again."""
        return self._window.revoked

    def more(self, count: int) -> None:
        """So many deliveries came out of one that is not done yet."""
        self._left += count

    def done(self) -> None:
        """One of its deliveries is answered, or lies in Kafka, or is not wanted any more."""
        self._left -= 1
        if self._left == 0:
            self._window.finish(self._offset)


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One event for one subscription, at hand."""

    notification: Notification
    #: Of the record that it came from: what has the same is told in order.
    key: bytes
    job: Job
    trace: bytes | None = None
    #: The event as it is sent.
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", self.notification.event.encode())


def trace_of(headers: Iterable[tuple[str, bytes]]) -> bytes | None:
    """The trace context of a record with these headers, if it has one that can be read."""
    return next((value for _, value in trace(headers)), None)


def wants(subscription: Subscription, event: Event) -> bool:
    """Whether `subscription` is to be told of `event`."""
    return (
        subscription.status is Active.ACTIVE
        and subscription.organization == event.data.organization
        and (
            subscription.events is None or event.type in subscription.events or isinstance(event.data, Trial)
        )
        and not (isinstance(event.data, SwitchedOff) and event.data.subscription == subscription.id)
    )


def notifications(
    record: StatusRecord | InboundRecord | SwitchedOff, directory: Directory, now: Millis
) -> list[Notification]:
    """What is to be told of `record`: one for each subscription of its organization that wants it.

    Nothing of what is history: a group that begins anew reads all that the topics hold.
    """
    found = directory.subscriptions(record.organization)
    if not found or now - record.at > HISTORY_MS:
        return []
    event = Event.of(record)
    return [
        Notification(
            id=id_of(record, one.id),
            organization=one.organization,
            subscription=one.id,
            event=event,
            since=now,
        )
        for one in found
        if wants(one, event)
    ]


def waiting(
    notification: Notification, key: bytes, now: Millis, headers: Sequence[tuple[str, bytes]] = ()
) -> Outgoing:
    """The record by which `notification` comes back when it is due."""
    ticket = Ticket(notification.due, topics.NOTIFICATIONS, key)
    topic, at, own = way(ticket, key.decode("utf-8", "replace"), now)
    return Outgoing(topic, at, notification.encode(), [*headers, *own])


def later(delivery: Delivery, due: Millis, *, tried: bool, now: Millis) -> Outgoing:
    """`delivery` as it waits until `due`; `tried` counts towards its pauses."""
    found = delivery.notification
    again = found.model_copy(update={"due": due, "tries": found.tries + tried})
    headers = () if delivery.trace is None else ((TRACEPARENT, delivery.trace),)
    return waiting(again, delivery.key, now, headers)
