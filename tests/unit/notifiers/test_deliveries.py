"""Who is told of what, and how it waits."""

from types import SimpleNamespace

import pytest

from notifiers.deliveries import Job, later, notifications, trace_of, waiting
from notifiers.reader import read
from notifiers.window import Window
from schemas import topics
from schemas.base import DecodeError
from schemas.directory import Active, EventType
from schemas.notifications import Event, Notification, SwitchedOff, decode
from schemas.provider import Provider
from schemas.public import InboundRecord
from schemas.status import State
from schemas.waiting import Ticket
from tests.unit.notifiers.world import NOW, Log, directory, status, subscription

INBOUND = InboundRecord(
    id="in-1",
    organization="acme",
    provider=Provider.TWILIO,
    account="main",
    provider_message_id="SM1",
    from_number="+15557654321",
    to_number="+15550100001",
    text="hi",
    segments=1,
    at=NOW,
    received_at=NOW,
)
OFF = SwitchedOff(
    subscription="hook", organization="acme", url="https://example.com", since=NOW - 5, at=NOW, detail="x"
)


def told(record: object, *subscriptions: object) -> list[str]:
    found = notifications(record, directory(*subscriptions), NOW)  # type: ignore[arg-type]  # as tests have it
    return [one.subscription for one in found]


def test_every_subscription_that_wants_it() -> None:
    everything = subscription("everything")
    sent = subscription("sent", events=("message.sent",))
    texts = subscription("texts", events=("text.received",))
    assert told(status("m", State.QUEUED, State.SENT), everything, sent, texts) == ["everything", "sent"]
    assert told(status("m", State.QUEUED), everything, sent, texts) == ["everything"]
    assert told(INBOUND, everything, sent, texts) == ["everything", "texts"]


def test_nobody_elses() -> None:
    assert told(status("m", organization="other"), subscription()) == []


def test_no_suspended_one() -> None:
    assert told(status("m"), subscription(status="suspended")) == []


def test_of_its_own_end_a_subscription_is_not_told() -> None:
    other = subscription("other")
    assert told(OFF, subscription("hook"), other) == ["other"]


def test_a_time_that_nobody_can_write_is_a_dead_letter() -> None:
    beyond = status("m").model_copy(update={"at": 253_402_300_800_000})
    record = SimpleNamespace(topic=topics.STATUS, value=beyond.encode())
    with pytest.raises(DecodeError, match="at:"):
        read(record, directory(subscription()), NOW)
    assert Event.of(beyond.model_copy(update={"at": 253_370_764_799_999})).timestamp.startswith("9998-12-31")


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_an_event(state: State) -> None:
    event = Event.of(status("m", state))
    assert event.type == f"message.{state}"
    assert event.timestamp == "2023-11-14T22:13:20.000Z"


def test_the_same_record_is_the_same_event_and_others_are_others() -> None:
    hook, other = subscription("hook"), subscription("other")
    found = directory(hook, other)
    first, second = notifications(status("m"), found, NOW), notifications(status("m"), found, NOW + 9)
    assert [one.id for one in first] == [one.id for one in second]
    names = {
        one.id
        for record in (status("m"), status("m", State.QUEUED, State.SENT), status("n"), INBOUND)
        for one in notifications(record, found, NOW)
    }
    assert len(names) == 8


def test_the_whole_record_is_told() -> None:
    [found] = notifications(status("m"), directory(subscription()), NOW)
    assert found.event.data == status("m")


def test_what_waits_comes_back_to_its_partition() -> None:
    delivery = Log().delivery(status("m"), subscription(), since=NOW)
    record = later(delivery, NOW + 100_000, tried=True, now=NOW)
    assert (record.topic, record.key) == (topics.WAITING[60_000], b"m")
    assert Ticket.read(record.headers) == Ticket(NOW + 100_000, topics.NOTIFICATIONS, b"m")
    back = decode(record.value)
    assert isinstance(back, Notification)
    assert (back.tries, back.due, back.since) == (1, NOW + 100_000, NOW)
    assert back.event == delivery.notification.event


def test_what_waits_for_seconds_waits_at_its_target() -> None:
    [found] = notifications(status("m"), directory(subscription()), NOW)
    record = waiting(found.model_copy(update={"due": NOW + 5_000}), b"m", NOW)
    assert (record.topic, record.key, record.headers) == (topics.NOTIFICATIONS, b"m", [])


def test_a_record_is_finished_when_all_that_it_asks_for_is() -> None:
    window = Window()
    job = Job(window, 7, 2)
    Job(window, 8, 0)
    job.done()
    assert window.due() == 7
    job.more(1)
    job.done()
    assert window.due() == 7
    job.done()
    assert window.due() == 9


def test_status_and_events_agree() -> None:
    assert {f"message.{state}" for state in State} <= set(EventType)
    assert subscription().status is Active.ACTIVE


def test_only_a_trace_that_can_be_read_goes_along() -> None:
    good = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
    assert trace_of([("x", b"y"), ("traceparent", good)]) == good
    assert trace_of([("traceparent", good + b"\r\nhost: x")]) is None
    assert trace_of([]) is None
