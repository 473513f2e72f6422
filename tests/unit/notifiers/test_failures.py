"""When a subscription is switched off: with time as an argument."""

from collections.abc import Sequence

from broker.publish import Outgoing
from directory.apply import RaceLostError
from directory.changes import Change
from directory.snapshot import Directory
from notifiers.failures import Failures
from notifiers.outbox import Outbox
from notifiers.switching import Switching, change, told
from schemas.directory import Active, Entry, Subscription
from schemas.notifications import SwitchedOff, SwitchOff, decode
from tests.fakes.failing import MemoryFailing
from tests.unit.notifiers.world import NOW, directory, subscription

DAY = 24 * 3_600_000
HOOK = subscription()


class Room:
    """Failures with everything around them."""

    def __init__(self, *entities: Subscription) -> None:
        self.now = NOW
        self.memory = MemoryFailing()
        self.directory = directory(*(entities or (HOOK,)))
        self.outbox = Outbox(self._publish)
        self.failures = self.process()

    async def _publish(self, _: Sequence[Outgoing]) -> None:
        raise AssertionError("nobody runs it")

    def process(self) -> Failures:
        return Failures(
            self.memory, self.outbox, directory=lambda: self.directory, after_ms=5 * DAY, now=lambda: self.now
        )

    @property
    def orders(self) -> list[SwitchOff]:
        found = [decode(record.value) for record, _ in self.outbox._waiting]
        return [one for one in found if isinstance(one, SwitchOff)]

    async def fail(self, days: float, failures: Failures | None = None, *, heard: bool = True) -> None:
        """A failure each hour, for so many days."""
        for _ in range(round(days * 24)):
            (failures or self.failures).bad(HOOK, self.now, heard=heard)
            await (failures or self.failures).flush()
            self.now += 3_600_000


async def test_after_five_days_of_nothing_but_failures() -> None:
    room = Room()
    await room.fail(5)
    assert room.orders == []
    await room.fail(1)
    [order] = room.orders
    assert (order.subscription, order.organization, order.version) == ("hook", "acme", 1)
    assert order.since == NOW
    assert order.at == NOW + 5 * DAY
    assert order.detail == "nothing but failures for 5 days"


async def test_one_answer_and_it_begins_anew() -> None:
    room = Room()
    await room.fail(4.9)
    room.failures.well(HOOK, room.now)
    await room.fail(4.9)
    assert room.orders == []
    await room.fail(0.5)
    assert len(room.orders) == 1


async def test_an_answer_to_another_process_counts() -> None:
    room = Room()
    other = room.process()
    await room.fail(4.9)
    other.well(HOOK, room.now)
    await other.flush()
    await room.fail(1)
    assert room.orders == []


async def test_processes_count_together() -> None:
    room = Room()
    await room.fail(3)
    await room.fail(3, room.process())
    assert len(room.orders) == 1


async def test_another_url_begins_anew() -> None:
    room = Room()
    await room.fail(4.9)
    moved = subscription(url="https://example.com/new")
    newer = Entry(kind="subscription", id="hook", organization="acme", version=2, at=0, entity=moved)
    room.directory = room.directory.after([newer])[0]
    for _ in range(24):
        room.failures.bad(moved, room.now, heard=True)
        await room.failures.flush()
        room.now += 3_600_000
    assert room.orders == []


async def test_made_active_again_it_begins_anew_whatever_was_forgotten() -> None:
    room = Room()
    await room.fail(6)
    for version, one in ((2, subscription(status="suspended", switched_off_at=NOW)), (3, HOOK)):
        entry = Entry(kind="subscription", id="hook", organization="acme", version=version, at=0, entity=one)
        room.directory = room.directory.after([entry])[0]
    await room.fail(4.9, room.process())
    assert len(room.orders) == 1


async def test_who_reaches_nobody_switches_nobody_off() -> None:
    room = Room()
    await room.fail(6, heard=False)
    assert room.orders == []
    # Another endpoint takes something: so it is not we who are cut off.
    room.failures.well(subscription("other"), room.now)
    await room.fail(0.1, heard=False)
    assert len(room.orders) == 1


async def test_while_the_ledger_is_away_nothing_stops_and_nothing_is_forgotten() -> None:
    room = Room()
    await room.fail(1)
    room.memory.down = True
    await room.fail(1)
    room.failures.well(HOOK, room.now)
    answered = room.now
    await room.fail(1)
    room.memory.down = False
    await room.failures.flush()
    assert list(room.memory.since.values()) == [answered]


async def test_gone_is_at_once() -> None:
    room = Room()
    room.failures.gone(HOOK, room.now)
    room.failures.gone(HOOK, room.now)
    [order] = room.orders
    assert order.detail == "its endpoint answered 410 Gone"


ORDER = SwitchOff(
    organization="acme", subscription="hook", version=1, since=NOW - 5 * DAY, at=NOW, detail="why"
)


def test_the_directory_then_says_so() -> None:
    found = change(ORDER, directory(HOOK))
    assert found is not None
    assert isinstance(found.entity, Subscription)
    assert (found.version, found.entity.status, found.entity.switched_off_at) == (2, Active.SUSPENDED, NOW)


def test_whoever_has_changed_it_since_has_seen_to_it() -> None:
    newer = Entry(kind="subscription", id="hook", organization="acme", version=2, at=0, entity=HOOK)
    assert change(ORDER, directory(HOOK).after([newer])[0]) is None
    assert change(ORDER, directory(subscription(status="suspended"))) is None
    assert change(ORDER, directory(subscription(organization="other"))) is None
    assert change(ORDER, directory()) is None


def test_the_others_are_told_once_whoever_tells_them() -> None:
    off = subscription(status="suspended", switched_off_at=NOW)
    found = directory(off, subscription("other"), subscription("sent", events=("message.sent",)))
    [one] = told(ORDER, found, NOW + 5)
    assert one.subscription == "other"
    assert isinstance(one.event.data, SwitchedOff)
    assert one.event.type == "subscription.switched_off"
    assert (one.event.data.url, one.event.data.since) == ("https://example.com", NOW - 5 * DAY)
    assert told(ORDER, found, NOW + 9)[0].id == one.id


def test_what_somebody_else_suspended_is_not_told() -> None:
    assert told(ORDER, directory(subscription(status="suspended"), subscription("other")), NOW) == []


async def test_an_order_that_comes_again_is_carried_out_once_and_told_again() -> None:
    held = directory(HOOK, subscription("other"))
    writes: list[Change] = []

    async def write(changes: Sequence[Change], now: int) -> None:
        nonlocal held
        writes.extend(changes)
        if len(writes) == 1:
            raise RaceLostError("again")
        held = held.after([one.entry(now) for one in changes])[0]

    def current() -> Directory:
        return held

    switching = Switching(current, write, now=lambda: NOW, again_seconds=0)
    first = await switching.carry_out(ORDER)
    second = await switching.carry_out(ORDER)
    assert [one.id for one in first] == [one.id for one in second]
    assert len(first) == 1
    assert len(writes) == 2
