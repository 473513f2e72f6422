"""The hand-over protocol on the real ledger and broker: what is sent, said and claimed, crashes included."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from time import time_ns
from uuid import uuid4

import pytest
import redis.asyncio

from broker import clients
from broker.publish import Outgoing, publisher
from broker.topics import create
from directory.snapshot import Directory
from dispatchers.accounts import Accounts
from dispatchers.handover import HandOver
from dispatchers.journal import Journal
from dispatchers.port import Handover
from dispatchers.tools import Tools
from dispatchers.window import Item, Window
from ledger import Ledger
from ledger.claims import Absent, Closed, Open
from ledger.rebuild import ensure_epoch
from schemas import topics
from schemas.directory import Account, Entry, Number, TwilioCredentials
from schemas.facts import AmbiguousFact, AnyFact, ClosedWhy, OutcomeFact, decode_fact
from schemas.facts import Closed as ClosedFact
from schemas.messages import Lane
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Provider, Rejected, Throttled, Unavailable
from schemas.settings import DispatchSettings, KafkaSettings, RedisSettings, TopicSettings
from schemas.tasks import Intents, Task
from schemas.waiting import Ticket
from tests.conftest import Broker, Store
from tests.fakes.provider import FakeProvider, accept

pytestmark = pytest.mark.broker
PARTITION = ("sms.dispatch.twilio.queued.v1", 0)
#: Short claims, so that a test can wait for one to be over.
QUICK = DispatchSettings(
    http_timeout_seconds=0.2, connect_timeout_seconds=0.2, claim_margin_seconds=0.3, retry_first_seconds=0.01
)


def now() -> int:
    return time_ns() // 1_000_000


def directory(sender: str, rate: float) -> Directory:
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
    entries = [
        Entry(kind=e.kind, id=e.id, organization=e.organization, version=1, at=0, entity=e)
        for e in (account, number)
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
        #: Of this test alone: the ledger remembers the pace of each number.
        self.sender = f"+1{2 * 10**9 + uuid4().int % 10**9}"
        self.settings = QUICK
        self._publish = publish
        self._offsets = count()
        self._moved = asyncio.Event()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self._publish(records)
        self.written += records
        self._moved.set()

    def facts(self) -> list[AnyFact]:
        return [decode_fact(r.value) for r in self.written if r.topic == topics.EVENTS]

    def intents(self) -> list[Intents]:
        return [Intents.decode(r.value) for r in self.written if r.topic == topics.INTENTS]

    async def until(self, done: Callable[[], object], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not done():
                self._moved.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), 0.02)

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
        found = directory(bench.sender, bench.rate)
        accounts = Accounts(lambda: found, lambda _: bench.provider)
        tools = Tools(
            ledger=bench.ledger,
            journal=Journal("test", bench.publish, now),
            accounts=accounts,
            settings=bench.settings,
            ledger_ready=lambda: _ready(bench),
            callback_url=lambda callback: f"http://callback/{callback.nonce}",
            now=now,
            new_nonce=lambda: uuid4().hex,
            chance=lambda: 0.0,
        )
        self.window = Window(accounts.quota, room=100)
        self.window.assign(PARTITION)
        self.hand_over = HandOver(self.window, tools)

    def read(self, offset: int, task: Task) -> None:
        line = self.window.line(PARTITION)
        assert line is not None
        line.open(offset)
        self.window.add(Item(line, offset, task), now())
        self.hand_over.bell.set()

    @property
    def committed(self) -> int | None:
        line = self.window.line(PARTITION)
        assert line is not None
        return line.due()


async def _ready(bench: Bench) -> None:
    await ensure_epoch(bench.ledger, bench.kafka, bench.publish, now)


@pytest.fixture
async def bench(kafka: Broker, valkey: Store) -> AsyncIterator[Bench]:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    await create(settings, TopicSettings())
    producer = clients.producer(settings)
    await producer.start()
    async with Ledger(RedisSettings(url=valkey.url)) as ledger:
        made = Bench(ledger, publisher(producer))
        made.kafka = settings
        await _ready(made)
        made.written.clear()
        yield made
    await producer.stop()


async def claim_of(bench: Bench, asked: Task) -> object:
    return (await bench.ledger.look([asked.message_id]))[0].claim


async def wipe(url: str) -> None:
    async with redis.asyncio.from_url(url) as client:
        await client.flushall()


async def test_intent_then_call_then_fact_then_closed(bench: Bench) -> None:
    sent = bench.task()
    seen: list[int] = []

    def answer(handover: Handover) -> Outcome:
        seen.append(len(bench.intents()))
        return accept(handover)

    bench.provider.answer = answer
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
    assert seen == [1]  # the intent was acknowledged before the provider was called
    (intents,) = bench.intents()
    (post,) = bench.provider.posts
    assert intents.intents[0].nonce == post.nonce
    (fact,) = bench.facts()
    assert isinstance(fact, OutcomeFact)
    assert isinstance(fact.outcome, Accepted)
    assert fact.nonce == post.nonce
    assert await claim_of(bench, sent) == Closed("sent", 1)


async def test_a_repeated_task_is_not_sent_again(bench: Bench) -> None:
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
        dispatcher.read(1, sent)
        await bench.until(lambda: dispatcher.committed == 2)
    assert len(bench.provider.posts) == 1
    assert len(bench.facts()) == 1


async def test_a_refusal_is_a_fact_and_the_end(bench: Bench) -> None:
    bench.provider.answer = lambda _: Rejected(fault=Fault.RECIPIENT, code="21211", detail="no such number")
    refused = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, refused)
        await bench.until(lambda: dispatcher.committed == 1)
    (fact,) = bench.facts()
    assert isinstance(fact, OutcomeFact)
    assert isinstance(fact.outcome, Rejected)
    assert len(bench.provider.posts) == 1


async def test_what_never_left_is_tried_again_as_the_next_attempt(bench: Bench) -> None:
    attempts: list[int] = []

    def answer(handover: Handover) -> Outcome:
        attempts.append(handover.task.attempt)
        return Unavailable(detail="refused") if len(attempts) < 3 else accept(handover)

    bench.provider.answer = answer
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
    assert attempts == [1, 2, 3]
    assert [f.outcome.kind for f in bench.facts() if isinstance(f, OutcomeFact)] == [
        "unavailable",
        "unavailable",
        "accepted",
    ]
    assert len({i.nonce for batch in bench.intents() for i in batch.intents}) == 3


async def test_a_long_pause_is_spent_in_the_waiting_topics(bench: Bench) -> None:
    bench.settings = QUICK.model_copy(update={"retry_first_seconds": 30.0})
    bench.provider.answer = lambda _: Throttled(code="20429", retry_after=40)
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(7, sent)
        await bench.until(lambda: dispatcher.committed == 8)
    (waiting,) = [r for r in bench.written if r.topic == "sms.waiting.10s.v1"]
    ticket, again = Ticket.read(waiting.headers), Task.decode(waiting.value)
    assert (ticket.topic, ticket.key) == (PARTITION[0], bench.sender.encode())
    assert (again.attempt, str(again.record)) == (2, f"{PARTITION[0]}:0:7")
    assert again.not_before == ticket.due
    assert await claim_of(bench, sent) == Open(2, str(again.record), maybe_sent=False)


async def test_what_may_have_been_sent_is_named_unknown_and_never_sent_again(bench: Bench) -> None:
    bench.provider.answer = lambda _: Ambiguous(detail="the connection was lost")
    sent = bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: dispatcher.committed == 1)
        dispatcher.read(1, sent)
        await bench.until(lambda: dispatcher.committed == 2)
    facts = bench.facts()
    assert [type(f) for f in facts] == [AmbiguousFact, AmbiguousFact]  # said again, in case it was not
    assert len(bench.provider.posts) == 1
    nonce = bench.provider.posts[0].nonce
    assert await claim_of(bench, sent) == Closed("unknown", 1, nonce)


async def test_a_call_that_a_kill_interrupts_is_taken_over_as_unknown(bench: Bench) -> None:
    bench.provider.answering.clear()
    sent = bench.task()
    async with bench.dispatcher() as killed:
        killed.read(0, sent)
        await bench.until(lambda: bench.provider.posts)
    bench.provider.answering.set()
    async with bench.dispatcher() as other:
        other.read(0, sent)
        await bench.until(lambda: other.committed == 1, seconds=30)
    assert len(bench.provider.posts) == 1
    (fact,) = bench.facts()
    assert isinstance(fact, AmbiguousFact)
    assert fact.nonces == (bench.provider.posts[0].nonce,)


async def test_who_loses_the_ledger_amid_a_call_does_not_send_twice(bench: Bench, valkey: Store) -> None:
    bench.provider.answering.clear()
    sent, waiting = bench.task(), bench.task()
    async with bench.dispatcher() as killed:
        killed.read(0, sent)
        await bench.until(lambda: bench.provider.posts)
    await wipe(valkey.url)
    bench.provider.answering.set()
    async with bench.dispatcher() as other:
        other.read(0, sent)
        other.read(1, waiting)
        await bench.until(lambda: other.committed == 2)
    posted = [post.task.message_id for post in bench.provider.posts]
    assert posted == [sent.message_id, waiting.message_id]
    assert any(isinstance(f, AmbiguousFact) and f.message_id == sent.message_id for f in bench.facts())


async def test_an_answer_after_the_loss_closes_what_the_rebuild_called_unknown(
    bench: Bench, valkey: Store
) -> None:
    bench.provider.answering.clear()
    sent, other = bench.task(), bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, sent)
        await bench.until(lambda: len(bench.provider.posts) == 1)
        await wipe(valkey.url)
        dispatcher.read(1, other)  # whoever asks first finds the loss, and rebuilds
        await bench.until(lambda: len(bench.provider.posts) == 2)
        bench.provider.answering.set()
        await bench.until(lambda: dispatcher.committed == 2)
    assert await claim_of(bench, sent) == Closed("sent", 1)
    said = [type(f) for f in bench.facts() if f.message_id == sent.message_id]
    assert said == [AmbiguousFact, OutcomeFact]


async def test_what_is_too_late_ends_as_expired(bench: Bench) -> None:
    late = bench.task(valid_until=now() - 1)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, late)
        await bench.until(lambda: dispatcher.committed == 1)
    (fact,) = bench.facts()
    assert isinstance(fact, ClosedFact)
    assert fact.why is ClosedWhy.EXPIRED
    assert bench.provider.posts == []


async def test_a_slow_number_is_paced_and_its_standing_intents_are_good(bench: Bench) -> None:
    bench.rate = 20.0
    async with bench.dispatcher() as dispatcher:
        for offset in range(10):
            dispatcher.read(offset, bench.task())
        await bench.until(lambda: dispatcher.committed == 10)
    intents = [intent.nonce for batch in bench.intents() for intent in batch.intents]
    assert len(intents) == 10  # who waits for a slot writes no second intent
    assert {post.nonce for post in bench.provider.posts} == set(intents)


async def test_a_partition_that_leaves_has_its_standing_intents_voided(bench: Bench) -> None:
    bench.rate = 0.2  # slow enough for the second to stand when the partition leaves
    async with bench.dispatcher() as dispatcher:
        for offset in range(2):
            dispatcher.read(offset, bench.task())
        await bench.until(lambda: len([i for b in bench.intents() for i in b.intents]) == 2)
        await bench.until(lambda: len(bench.provider.posts) == 1)
        dispatcher.hand_over.add_voids(dispatcher.window.revoke([PARTITION]))
        await bench.until(lambda: any(batch.voids for batch in bench.intents()))
    stood = {i.nonce for b in bench.intents() for i in b.intents} - {p.nonce for p in bench.provider.posts}
    assert {v.nonce for b in bench.intents() for v in b.voids} == stood


async def test_a_stop_lets_what_is_in_flight_finish_and_takes_nothing_new(bench: Bench) -> None:
    bench.provider.answering.clear()
    first, second = bench.task(), bench.task()
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, first)
        await bench.until(lambda: bench.provider.posts)
        dispatcher.hand_over.stop_taking()
        dispatcher.read(1, second)
        bench.provider.answering.set()
        await bench.until(lambda: dispatcher.committed == 1)
    assert [post.task.message_id for post in bench.provider.posts] == [first.message_id]
    assert await claim_of(bench, second) == Absent()
