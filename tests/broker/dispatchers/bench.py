"""Dispatchers on the real ledger and broker, each started, stopped and killed by the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from time import time_ns
from uuid import uuid4

from aiokafka.admin import NewTopic

from broker import clients
from broker.publish import Outgoing
from directory.snapshot import Directory
from dispatchers.accounts import Accounts
from dispatchers.deferring import Deferring
from dispatchers.handover import HandOver
from dispatchers.journal import Journal
from dispatchers.lines import Item
from dispatchers.reader import Reader
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger import Ledger
from ledger.rebuild import ensure_epoch
from schemas import topics
from schemas.directory import (
    Account,
    AnyEntity,
    Assistant,
    Entry,
    Number,
    NumberKind,
    TwilioCredentials,
    identity,
)
from schemas.facts import AnyFact, decode_fact
from schemas.lanes import Lane
from schemas.messages import Failover, decode_message
from schemas.provider import Provider
from schemas.settings import DispatchSettings, KafkaSettings
from schemas.tasks import Intents, Task
from tests.fakes.provider import FakeProvider

PARTITION = ("sms.dispatch.twilio.queued.v1", 0)
#: Short claims, so that a test can wait for one to be over.
QUICK = DispatchSettings(
    http_timeout_seconds=0.2, connect_timeout_seconds=0.2, claim_margin_seconds=0.3, retry_first_seconds=0.01
)


#: A number beside that of the test, with no pace to speak of.
OTHER = "+12025550199"


def now() -> int:
    return time_ns() // 1_000_000


def directory(sender: str, rate: float, *more: AnyEntity) -> Directory:
    """Two numbers of an assistant over one account; `more` replace what they name, or come beside it."""
    account = Account(
        organization="operator",
        id="tw",
        credentials=TwilioCredentials(
            account_sid="AC", api_key_sid="SK", api_key_secret="env:A", auth_tokens=("env:B",)
        ),
        rate=10_000,
        burst=10_000,
    )
    number = Number(organization="acme", id=sender, account="tw", rate=rate, burst=1)
    other = Number(
        organization="acme",
        id=OTHER,
        account="tw",
        number_kind=NumberKind.TOLL_FREE,
        rate=10_000,
        burst=10_000,
    )
    desk = Assistant(organization="acme", id="desk", name="Desk", numbers=(sender, OTHER))
    known = {identity(entity): entity for entity in (account, number, other, desk, *more)}
    entries = [
        Entry(kind=kind, id=id_, organization=entity.organization, version=1, at=0, entity=entity)
        for (kind, id_), entity in known.items()
    ]
    return Directory().after(entries)[0]


class Bench:
    """Dispatchers on one log of tasks; each started, stopped and killed by the test."""

    def __init__(self, ledger: Ledger, publish: Callable[[Sequence[Outgoing]], Awaitable[None]]) -> None:
        self.ledger = ledger
        self.kafka: KafkaSettings
        self.written: list[Outgoing] = []
        self.provider = FakeProvider()
        self.rate = 1000.0
        #: As the dispatchers know it from now on; None: as `directory` makes it.
        self.directory: Directory | None = None
        #: Of this test alone: the ledger remembers the pace of each number.
        self.sender = f"+1{2 * 10**9 + uuid4().int % 10**9}"
        self.settings = QUICK
        #: By how much the dispatchers' clock is before the ledger's, in milliseconds.
        self.ahead = 0
        #: By how much each look at it moves the dispatchers' clock on.
        self.step = 0
        self._publish = publish
        self._offsets = count()
        self._moved = asyncio.Event()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self._publish(records)
        self.written += records
        self._moved.set()

    def now(self) -> int:
        """The dispatchers' clock."""
        self.ahead += self.step
        return now() + self.ahead

    def facts(self) -> list[AnyFact]:
        return [decode_fact(r.value) for r in self.written if r.topic == topics.EVENTS]

    def intents(self) -> list[Intents]:
        return [Intents.decode(r.value) for r in self.written if r.topic == topics.INTENTS]

    def failovers(self) -> list[Failover]:
        found = [decode_message(r.value) for r in self.written if r.topic == topics.MESSAGES]
        return [one for one in found if isinstance(one, Failover)]

    def waiting(self) -> list[Outgoing]:
        return [record for record in self.written if record.topic in topics.WAITING.values()]

    async def until(self, done: Callable[[], object], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not done():
                self._moved.clear()
                # Two timeouts of one task: only the inner one's end is no failure.
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self._moved.wait()

    def task(self, **changes: object) -> Task:
        """A task of its own message."""
        return Task(
            message_id=str(uuid4()),
            organization="acme",
            lane=Lane.QUEUED,
            provider=Provider.TWILIO,
            account="tw",
            sender=self.sender,
            to_number="+15559999",
            text="hello",
            segments=1,
            valid_until=now() + 60_000,
            forget_at=now() + 600_000,
        ).model_copy(update=changes)

    async def lanes(self) -> dict[Lane, str]:
        """Two dispatch topics of this test's own, of one partition each."""
        name = uuid4().hex[:8]
        made = {lane: f"sms.dispatch.t{name}.{lane}.v1" for lane in Lane}
        async with clients.admin(self.kafka) as admin:
            await admin.create_topics(
                [NewTopic(topic, num_partitions=1, replication_factor=1) for topic in made.values()]
            )
        return made

    @asynccontextmanager
    async def dispatcher(self) -> AsyncIterator["Dispatcher"]:
        """Runs until the block ends; it is then ended at once, as a kill would, if it was not stopped."""
        made = Dispatcher(self)
        running = asyncio.create_task(made.hand_over.run())
        try:
            yield made
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


class Dispatcher:
    """One dispatcher with its window."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._now = bench.now
        found = directory(bench.sender, bench.rate)
        accounts = Accounts(lambda: bench.directory or found, lambda _: bench.provider)
        self.tools = tools = Tools(
            ledger=bench.ledger,
            journal=Journal("test", bench.publish, bench.now),
            accounts=accounts,
            settings=bench.settings,
            ledger_ready=lambda: ready(bench),
            callback_url=lambda callback: f"http://callback/{callback.nonce}",
            now=bench.now,
            new_nonce=lambda: uuid4().hex,
            chance=lambda: 0.0,
        )
        self.window = Window(accounts.quota, room=100, names=accounts.names, paces=accounts.paces)
        self.window.assign(PARTITION)
        self.hand_over = HandOver(self.window, tools)

    def read(self, offset: int, task: Task) -> None:
        line = self.window.line(PARTITION)
        assert line is not None
        line.open(offset)
        self.window.add(Item(line, offset, task), self._now())
        self.hand_over.bell.set()

    @asynccontextmanager
    async def reading(self, *topics: str) -> AsyncIterator[None]:
        """Tasks are read from these topics as long as the block runs."""
        bench, tools = self._bench, self.tools
        consumer = clients.group_consumer(bench.kafka, f"g-{topics[0]}")
        deferring = Deferring(self.window, tools, self.hand_over.add_voids)
        reader = Reader(
            consumer,
            self.window,
            self.hand_over,
            deferring,
            publish=bench.publish,
            now=bench.now,
            ask=lambda line, offset, _: line.finish(offset),
            release_seconds=1,
        )
        consumer.subscribe(topics, listener=reader)
        await consumer.start()
        works = (reader.read(), deferring.run(), deferring.sweep(), reader.commit_every(0.2))
        running = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for work in running:
                work.cancel()
            for ended in await asyncio.gather(*running, return_exceptions=True):
                assert isinstance(ended, asyncio.CancelledError), ended
            await consumer.stop()

    @property
    def committed(self) -> int | None:
        line = self.window.line(PARTITION)
        assert line is not None
        return line.due()


async def ready(bench: Bench) -> None:
    """Once the ledger has an epoch."""
    await ensure_epoch(bench.ledger, bench.kafka, bench.publish, now, "UTC")
