"""Subscriptions, events and deliveries for tests."""

from collections.abc import Sequence

from directory.snapshot import Directory
from notifiers.deliveries import Delivery, Job
from notifiers.window import Window
from schemas import ids
from schemas.directory import Entry, Subscription
from schemas.notifications import Event, Notification, id_of
from schemas.public import StatusRecord, Step
from schemas.status import State

NOW = 1_700_000_000_000


def subscription(name: str = "hook", url: str = "https://example.com/told", **more: object) -> Subscription:
    return Subscription.model_validate({"organization": "acme", "id": name, "url": url, **more})


def directory(*entities: Subscription) -> Directory:
    entries = [
        Entry(kind="subscription", id=one.id, organization=one.organization, version=1, at=0, entity=one)
        for one in entities
    ]
    return Directory().after(entries)[0]


def status(message: str = "m-1", *states: State, organization: str = "acme") -> StatusRecord:
    """The record of the last of `states`."""
    found = states or (State.QUEUED,)
    return StatusRecord(
        id=ids.of_transition(message, len(found)),
        message_id=message,
        organization=organization,
        sequence=len(found),
        status=found[-1],
        at=NOW,
        accepted_at=NOW,
        forget_at=NOW + 1,
        to_number="+15557654321",
        text="hello",
        segments=1,
        fingerprint="1:x",
        history=tuple(Step(status=state, at=NOW) for state in found),
    )


class Log:
    """A partition that deliveries are read from."""

    def __init__(self) -> None:
        self.window = Window()
        self.end = 0

    @property
    def done(self) -> bool:
        """Whether all that was read may be committed."""
        return self.window.span == 0

    def delivery(self, record: StatusRecord, to: Subscription, *, since: int, due: int = 0) -> Delivery:
        """`record` for one subscription, as the next record of the log."""
        [found] = self.deliveries(record, [to], since=since, due=due)
        return found

    def deliveries(
        self, record: StatusRecord, to: Sequence[Subscription], *, since: int, due: int = 0
    ) -> list[Delivery]:
        job = Job(self.window, self.end, len(to))
        self.end += 1
        return [
            Delivery(
                Notification(
                    id=id_of(record, one.id),
                    organization=one.organization,
                    subscription=one.id,
                    event=Event.of(record),
                    since=since,
                    due=due,
                ),
                record.message_id.encode(),
                job,
            )
            for one in to
        ]
