"""What becomes of deliveries, against real endpoints: tried in order, put off, dropped, never in the way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from broker.publish import Outgoing
from directory.snapshot import Directory
from notifiers.deliveries import Delivery
from notifiers.outbox import Outbox
from notifiers.posting import Poster
from notifiers.teller import Teller
from schemas.directory import Subscription
from schemas.notifications import Event, Notification, Trial, decode
from schemas.settings import NotifierSettings
from schemas.status import State
from tests.fakes.receiving import DEADLINE, Receiver, hangs, receiving, status
from tests.unit.notifiers.world import NOW, Log, directory, subscription
from tests.unit.notifiers.world import status as told

DAY = 24 * 3_600_000


class Heard:
    """What the tracker of failures would hear."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def well(self, subscription: Subscription, _now: int) -> None:
        self.said.append(("well", subscription.id))

    def bad(self, subscription: Subscription, _now: int, *, heard: bool) -> None:  # noqa: ARG002  # its port
        self.said.append(("bad", subscription.id))

    def gone(self, subscription: Subscription, _now: int) -> None:
        self.said.append(("gone", subscription.id))


class Desk:
    """A teller with everything around it."""

    def __init__(self, settings: NotifierSettings, poster: Poster) -> None:
        self.now = NOW
        self.directory = Directory()
        self.log = Log()
        self.heard = Heard()
        self.put_off: list[Outgoing] = []
        #: Unset: the broker acknowledges nothing.
        self.broker = asyncio.Event()
        self.broker.set()
        self._moved = asyncio.Condition()
        self.outbox = Outbox(self._publish)
        self.teller = Teller(
            settings,
            poster.post,
            self.outbox,
            directory=lambda: self.directory,
            noting=self.heard,
            roots=("root",),
            now=lambda: self.now,
            roll=lambda: 0.5,
        )

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        await self.broker.wait()
        self.put_off += records
        async with self._moved:
            self._moved.notify_all()

    def tell(self, message: str, *states: State, to: Subscription, since: int = NOW, due: int = 0) -> None:
        self.teller.tell(self.log.delivery(told(message, *states), to, since=since, due=due))

    async def waiting(self, count: int) -> list[Notification]:
        """What was put off, once it is so many."""
        async with asyncio.timeout(DEADLINE), self._moved:
            await self._moved.wait_for(lambda: len(self.put_off) >= count)
        found = [decode(one.value) for one in self.put_off]
        return [one for one in found if isinstance(one, Notification)]

    async def done(self) -> None:
        """Once all that was read may be committed."""
        async with asyncio.timeout(DEADLINE):
            while not self.log.done:  # noqa: ASYNC110  a number, not an event, and a deadline around it
                await asyncio.sleep(0.005)


@asynccontextmanager
async def telling(**settings: Any) -> AsyncIterator[Desk]:
    chosen = NotifierSettings.model_validate({"allow_private": True, **settings})
    async with Poster(chosen) as poster:
        desk = Desk(chosen, poster)
        running = [asyncio.create_task(one) for one in (desk.teller.run(), desk.outbox.run())]
        try:
            yield desk
        finally:
            for task in (*running, *desk.teller._tries):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def sequences(receiver: Receiver, message: str) -> list[int]:
    found = [one.event["data"] for one in receiver.got]
    return [data["sequence"] for data in found if data["message_id"] == message]


def steps(count: int) -> Iterator[tuple[State, ...]]:
    for n in range(1, count + 1):
        yield (State.QUEUED,) * n


async def test_each_message_is_told_in_order() -> None:
    async with receiving() as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for states in steps(5):
            for message in ("a", "b", "c"):
                desk.tell(message, *states, to=one)
        await receiver.count(15)
        assert all(sequences(receiver, message) == [1, 2, 3, 4, 5] for message in "abc")
        await desk.done()
        assert desk.heard.said == [("well", "hook")] * 15


async def test_a_later_event_waits_for_the_try_before_it_not_for_its_retries() -> None:
    async def first_fails(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if len(receiver.got) == 1 else 204)

    async with receiving(first_fails) as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for states in steps(3):
            desk.tell("a", *states, to=one)
        [again] = await desk.waiting(1)
        await receiver.count(3)
        assert sequences(receiver, "a") == [1, 2, 3]
        assert (again.tries, again.due) == (1, NOW + 5_000)
        assert again.id == receiver.got[0].id
        await desk.done()


async def test_a_slow_endpoint_does_not_hold_up_another() -> None:
    gate = asyncio.Event()
    async with receiving(hangs(gate)) as slow, receiving() as quick, telling(max_per_endpoint=2) as desk:
        one, other = subscription("slow", slow.url), subscription("quick", quick.url)
        desk.directory = directory(one, other)
        for n in range(100):
            for delivery in desk.log.deliveries(told(f"m-{n}"), [one, other], since=NOW):
                desk.teller.tell(delivery)
        await quick.count(100)
        assert len(slow.got) == 2
        gate.set()
        await desk.done()


async def test_what_finds_no_room_waits_in_kafka_and_takes_nobody_elses() -> None:
    gate = asyncio.Event()
    few = {"max_per_endpoint": 2, "max_in_flight": 8, "max_queued": 100}
    async with receiving(hangs(gate)) as slow, receiving() as quick, telling(**few) as desk:
        one = subscription("slow", slow.url)
        other = subscription("quick", quick.url, organization="other")
        desk.directory = directory(one, other)
        for n in range(500):
            desk.tell(f"m-{n}", to=one)
        waits = await desk.waiting(440)
        assert all(one.tries == 0 for one in waits)
        dues = [one.due for one in waits]
        assert dues == sorted(dues)
        assert dues[0] >= NOW + 10_000
        for n in range(20):
            desk.teller.tell(desk.log.delivery(told(f"o-{n}", organization="other"), other, since=NOW))
        await quick.count(20)
        assert slow.most_open == 2
        gate.set()
        await desk.done()


async def test_a_dead_endpoint_is_left_in_peace_and_tried_by_one_at_a_time() -> None:
    async with receiving(status(500)) as receiver, telling(max_per_endpoint=1) as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for n in range(50):
            desk.tell(f"m-{n}", to=one)
        waits = await desk.waiting(50)
        assert len(receiver.got) == 3
        assert all(one.tries == 1 for one in waits)
        await desk.done()
        desk.tell("resting", to=one)
        await desk.waiting(51)
        assert len(receiver.got) == 3
        desk.now += 5_000
        gate = asyncio.Event()
        receiver.reply = hangs(gate)
        for n in range(5):
            desk.tell(f"probe-{n}", to=one)
        await receiver.count(4)
        assert len(await desk.waiting(55)) == 55
        assert receiver.open == 1
        gate.set()
        await desk.done()
        for n in range(5):
            desk.tell(f"well-{n}", to=one)
        await receiver.count(9)


async def test_a_pause_that_is_asked_for_is_kept_by_all() -> None:
    async with receiving(status(429, Retry_After="600")) as receiver, telling(max_per_endpoint=1) as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for n in range(3):
            desk.tell(f"m-{n}", to=one)
        waits = await desk.waiting(3)
        assert [one.due for one in waits] == [NOW + 600_000] * 3
        assert len(receiver.got) == 1


async def test_gone_is_told_to_whoever_switches_off() -> None:
    async with receiving(status(410)) as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.tell("m", to=one)
        await desk.done()
        assert desk.heard.said == [("bad", "hook"), ("gone", "hook")]


async def test_after_a_day_it_is_dropped() -> None:
    async with receiving(status(500)) as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.tell("nearly", to=one, since=NOW - DAY + 1_000)
        await desk.done()
        assert len(receiver.got) == 1
        assert not desk.put_off


async def test_what_an_endpoint_that_only_fails_is_not_tried_with_is_dropped_in_the_end() -> None:
    """Not before its fourth rest: until then what is over waits for a try of its own."""
    async with receiving(status(500)) as receiver, telling(max_per_endpoint=1) as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for rests in range(1, 5):
            for n in range(3 if rests == 1 else 1):
                desk.tell(f"try-{rests}-{n}", to=one)
                await desk.done()
            tries, waiting = len(receiver.got), len(desk.put_off)
            desk.tell("over", to=one, since=desk.now - DAY)
            await desk.done()
            assert len(receiver.got) == tries, "it is left in peace"
            assert len(desk.put_off) - waiting == (rests < 4)
            desk.now += 300_000


async def test_who_stood_still_for_a_day_tries_each_event_once_before_it_is_dropped() -> None:
    async with receiving() as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.tell("old", to=one, since=NOW - 2 * DAY)
        await receiver.count(1)
        desk.tell("too-old", to=one, since=NOW - 3 * DAY - 1)
        await desk.done()
        assert len(receiver.got) == 1


async def test_what_fails_once_its_partition_is_anothers_is_left_to_the_other() -> None:
    gate = asyncio.Event()

    async def fails(_: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response(status=500)

    async with receiving(fails) as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.tell("m", to=one)
        await receiver.count(1)
        desk.log.window.revoked = True
        gate.set()
        async with asyncio.timeout(DEADLINE):
            await desk.teller.drain()
        assert not len(desk.outbox)
        assert not desk.put_off


async def test_a_short_pause_that_an_old_event_was_asked_for_is_not_everybodys_hour() -> None:
    async with receiving(status(429, Retry_After="1")) as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        old = desk.log.delivery(told("old"), one, since=NOW)
        desk.teller.tell(replace(old, notification=old.notification.model_copy(update={"tries": 11})))
        [waits] = await desk.waiting(1)
        assert waits.due > NOW + 3_600_000
        receiver.reply = status(204)
        desk.now += 1_001
        desk.tell("new", to=one)
        await receiver.count(2)


async def test_a_narrowed_filter_holds_for_what_waits_but_not_for_a_trial() -> None:
    async with receiving() as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(subscription(url=receiver.url, events=("text.received",)))
        desk.tell("m", to=one)
        assert desk.log.done
        tried = Trial(id="t", subscription=one.id, organization=one.organization, at=NOW)
        delivery = desk.log.delivery(told("n"), one, since=NOW)
        found = delivery.notification.model_copy(update={"event": Event.of(tried)})
        desk.teller.tell(Delivery(found, b"hook", delivery.job))
        await receiver.count(1)
        assert receiver.got[0].event["type"] == "subscription.test"


async def test_what_waited_for_the_old_url_goes_to_the_new_one() -> None:
    gate = asyncio.Event()
    async with receiving(hangs(gate)) as old, receiving() as new, telling(max_per_endpoint=1) as desk:
        one = subscription(url=old.url)
        desk.directory = directory(one)
        for n in range(3):
            desk.tell(f"m-{n}", to=one)
        await old.count(1)
        desk.directory = directory(subscription(url=new.url))
        desk.tell("m-3", to=one)
        await new.count(3)
        assert [one.event["data"]["message_id"] for one in new.got] == ["m-1", "m-2", "m-3"]
        gate.set()
        await desk.done()


@pytest.mark.parametrize("change", ["suspended", "deleted", "anothers"])
async def test_what_nobody_wants_any_more_is_dropped(change: str) -> None:
    async with receiving() as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = {
            "suspended": directory(subscription(url=receiver.url, status="suspended")),
            "deleted": directory(),
            "anothers": directory(subscription(url=receiver.url, organization="other")),
        }[change]
        desk.tell("m", to=one)
        assert desk.log.done
        assert not receiver.got


async def test_what_is_queued_when_its_subscription_ends_is_dropped() -> None:
    gate = asyncio.Event()
    async with receiving(hangs(gate)) as receiver, telling(max_per_endpoint=1) as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.tell("a", to=one)
        desk.tell("b", to=one)
        await receiver.count(1)
        desk.directory = directory()
        gate.set()
        await desk.done()
        assert len(receiver.got) == 1


async def test_one_that_comes_some_seconds_early_is_held() -> None:
    async with receiving() as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.tell("m", to=one, due=NOW + 50)
        assert not receiver.got
        desk.now += 50
        await receiver.count(1)
        await desk.done()


async def test_nothing_is_done_before_the_broker_has_it() -> None:
    async with receiving(status(500)) as receiver, telling() as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        desk.broker.clear()
        desk.tell("m", to=one)
        await receiver.count(1)
        async with asyncio.timeout(DEADLINE):
            while not len(desk.outbox):  # noqa: ASYNC110  likewise
                await asyncio.sleep(0.005)
        assert not desk.log.done
        desk.broker.set()
        await desk.done()


async def test_a_partition_that_is_anothers_is_told_by_the_other() -> None:
    gate = asyncio.Event()
    async with receiving(hangs(gate)) as receiver, telling(max_per_endpoint=1) as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for n in range(3):
            desk.tell(f"m-{n}", to=one)
        await receiver.count(1)
        desk.log.window.revoked = True
        desk.log = Log()
        desk.tell("mine", to=one)
        gate.set()
        await desk.done()
        assert [one.event["data"]["message_id"] for one in receiver.got] == ["m-0", "mine"]


async def test_a_stop_finishes_what_is_under_way_and_begins_nothing() -> None:
    gate = asyncio.Event()
    async with receiving(hangs(gate)) as receiver, telling(max_per_endpoint=2) as desk:
        one = subscription(url=receiver.url)
        desk.directory = directory(one)
        for n in range(5):
            desk.tell(f"m-{n}", to=one)
        await receiver.count(2)
        draining = asyncio.create_task(desk.teller.drain())
        await asyncio.sleep(0)
        gate.set()
        async with asyncio.timeout(DEADLINE):
            await draining
        assert len(receiver.got) == 2
        assert desk.log.window.due() == 2


async def test_the_newest_url_is_told() -> None:
    async with receiving(status(500)) as old, receiving() as new, telling(max_per_endpoint=1) as desk:
        one = subscription(url=old.url)
        desk.directory = directory(one)
        for n in range(3):
            desk.tell(f"m-{n}", to=one)
        await desk.waiting(3)
        desk.directory = directory(subscription(url=new.url))
        desk.tell("m-3", to=one)
        await new.count(1)
