"""The views on the real broker and ledger: in step, whole again after a loss, patient while it is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis import Redis

from broker import clients
from broker.publish import Outgoing, Publish
from cli.local.valkey import Valkey
from ledger import Ledger
from ledger.claims import Absent
from ledger.view import Seen
from schemas import topics
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.settings import KafkaSettings, RedisSettings
from schemas.status import State
from streams.arrival import Arrival, KafkaOffsets
from streams.views import Arriving, View, Views
from tests.broker.streams.services import (
    HANDSET,
    HOUR,
    PARTITIONS,
    SENDER,
    Service,
    directory_entries,
    message,
    now,
    of_message,
)

pytestmark = pytest.mark.broker


def row(message_id: str, sequence: int) -> StatusRecord:
    return StatusRecord(
        id=f"{message_id}-{sequence}",
        message_id=message_id,
        organization="acme",
        sequence=sequence,
        status=State.QUEUED if sequence == 1 else State.SENT,
        at=now(),
        accepted_at=now(),
        forget_at=now() + HOUR,
        from_number=SENDER,
        to_number=HANDSET,
        text="hello",
        segments=1,
        fingerprint="1:abc",
    )


async def tell(publish: Publish, *rows: StatusRecord) -> None:
    await publish([Outgoing(topics.STATUS, one.message_id.encode(), one.encode()) for one in rows])


@pytest.fixture
async def ledger(store: Valkey) -> AsyncIterator[Ledger]:
    async with Ledger(RedisSettings(url=store.url, timeout_seconds=1)) as client:
        yield client


class Arrived:
    """Nothing is ever on its way: for tests that write transitions themselves."""

    async def complete(self) -> bool:
        return True


@asynccontextmanager
async def running(
    kafka: KafkaSettings,
    view: View,
    group: str,
    later: int = 0,
    arrival: Callable[[], Arriving] = Arrived,
) -> AsyncIterator[None]:
    consumer = clients.group_consumer(kafka, group)
    views = Views(
        consumer,
        view,
        arrival=arrival,
        partitions=PARTITIONS,
        lifetime_ms=HOUR,
        now=lambda: now() + later,
    )
    views.subscribe()
    stop = asyncio.Event()
    async with consumer:
        task = asyncio.create_task(views.run(stop))
        try:
            yield
            stop.set()
            await task
        finally:
            task.cancel()


async def seen(ledger: Ledger, message_id: str, holds: Callable[[Seen], bool]) -> Seen:
    """What the view says of a message, once that holds."""
    async with asyncio.timeout(60):
        while not holds(found := await ledger.get(message_id)):  # noqa: ASYNC110  # Redis rings no bell
            await asyncio.sleep(0.05)
    return found


def at(sequence: int) -> Callable[[Seen], bool]:
    return lambda found: found.whole and found.row is not None and found.row.sequence == sequence


async def test_the_view_follows_and_comes_back_whole_after_a_wipe(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger, store: Valkey
) -> None:
    old, fresh, group = str(uuid4()), str(uuid4()), f"views-{uuid4().hex}"
    await tell(publish, row(old, 1))
    async with running(kafka_settings, ledger, group):
        await seen(ledger, old, at(1))
        await tell(publish, row(old, 2), row(old, 1))
        await seen(ledger, old, at(2))
        with Redis.from_url(store.url) as client:
            client.flushall()
        await seen(ledger, old, at(2))
    with Redis.from_url(store.url) as client:
        client.flushall()
    await tell(publish, row(fresh, 1))
    # Everything is committed, so whoever comes next must see by itself what the ledger lost.
    async with running(kafka_settings, ledger, group):
        await seen(ledger, fresh, at(1))
        await seen(ledger, old, at(2))


async def test_a_landline_that_a_provider_tells_of_is_remembered(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger
) -> None:
    fixed, mobile, failed, other = "+14157650001", "+14157650002", str(uuid4()), str(uuid4())

    def undelivered(message_id: str, to_number: str, code: str) -> StatusRecord:
        failure = Failure(code="undelivered", detail="no", provider_code=code)
        how = {"status": State.UNDELIVERED, "provider": Provider.TWILIO, "failure": failure}
        return row(message_id, 2).model_copy(update=how | {"to_number": to_number})

    async with running(kafka_settings, ledger, f"views-{uuid4().hex}"):
        await tell(publish, undelivered(failed, fixed, "30006"), undelivered(other, mobile, "30005"))
        for message_id in (failed, other):
            await seen(ledger, message_id, lambda found: found.row is not None)
        async with asyncio.timeout(60):  # it follows the row
            while fixed not in await ledger.landlines([fixed]):  # noqa: ASYNC110  # Redis rings no bell
                await asyncio.sleep(0.01)
        assert await ledger.landlines([fixed, mobile]) == {fixed}


async def test_what_is_older_than_any_message_is_not_read_again(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger
) -> None:
    old = str(uuid4())
    await tell(publish, row(old, 1))
    async with running(kafka_settings, ledger, f"views-{uuid4().hex}", later=2 * HOUR):
        assert (await seen(ledger, old, lambda found: found.whole)).row is None


class Trusting:
    """A ledger that never says what it lost: the naive view."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.put = ledger.put
        self.stick = ledger.stick
        self.note_landlines = ledger.note_landlines
        self.begin_partition = ledger.begin_partition
        self.mark_whole = ledger.mark_whole

    async def missing_partitions(self, partitions: Collection[int]) -> set[int]:
        del partitions
        return set()


async def test_without_reading_again_what_the_ledger_lost_stays_lost(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger, store: Valkey
) -> None:
    old, fresh, group = str(uuid4()), str(uuid4()), f"views-{uuid4().hex}"
    await tell(publish, row(old, 1))
    async with running(kafka_settings, Trusting(ledger), group):
        await seen(ledger, old, lambda found: found.row is not None)
        with Redis.from_url(store.url) as client:
            client.flushall()
        await tell(publish, row(fresh, 1))
        await seen(ledger, fresh, lambda found: found.row is not None)
        assert await ledger.get(old) == Seen(row=None, claim=Absent(), whole=False)


FirstWhole = Callable[[Callable[[], Arriving]], Awaitable[Seen]]


@pytest.fixture
def first_whole(
    kafka_settings: KafkaSettings,
    publish: Publish,
    ledger: Ledger,
    store: Valkey,
    run: Callable[..., Service],
) -> FirstWhole:
    """What a view, the first time that it calls itself whole after a wipe, says of an accepted message.

    The message was acknowledged before the wipe, and routed and folded only afterwards.
    """

    async def made(arrival: Callable[[], Arriving]) -> Seen:
        accepted = message(str(uuid4()))
        await publish([*directory_entries(), *of_message(accepted)])
        with Redis.from_url(store.url) as client:
            client.flushall()
        async with running(kafka_settings, ledger, f"views-{uuid4().hex}", arrival=arrival):
            run("route")
            run("fold")
            return await seen(ledger, accepted.message_id, lambda found: found.whole)

    return made


async def test_it_is_not_whole_before_what_was_on_its_way_has_arrived(
    kafka_settings: KafkaSettings, first_whole: FirstWhole
) -> None:
    """Else a message that was answered for is unknown to GET and DELETE, and its key is free."""
    async with clients.reader(kafka_settings) as reader, clients.admin(kafka_settings) as admin:
        offsets = KafkaOffsets(reader, admin, PARTITIONS)
        assert (await first_whole(lambda: Arrival(offsets))).row is not None


async def test_a_view_that_looks_only_at_its_own_topic_is_whole_too_early(first_whole: FirstWhole) -> None:
    assert (await first_whole(Arrived)).row is None


async def test_while_the_ledger_is_away_it_waits_and_then_catches_up(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger, store: Valkey
) -> None:
    before, during = str(uuid4()), str(uuid4())
    await tell(publish, row(before, 1))
    async with running(kafka_settings, ledger, f"views-{uuid4().hex}"):
        await seen(ledger, before, at(1))
        await asyncio.to_thread(store.kill)
        await tell(publish, row(before, 2), row(during, 1))
        await asyncio.to_thread(store.start)
        await asyncio.to_thread(store.wait_ready)
        await seen(ledger, before, at(2))
        await seen(ledger, during, at(1))
