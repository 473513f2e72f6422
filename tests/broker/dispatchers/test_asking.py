"""What becomes of unknown and long-sent hand-overs when the provider is asked: all but the waiting is real.

The providers are the simulator, which has the text or not; nobody takes its receipts.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
import redis.asyncio
from aiohttp import web

from dispatchers.asking import Asking
from dispatchers.lines import Line
from dispatchers.port import ByHandover, Found, NotFound, Question, Standing
from dispatchers.providers import connect
from ledger import Ledger
from ledger.claims import Closed
from ledger.optouts import Noted
from schemas import topics
from schemas.directory import Active, Number
from schemas.facts import AmbiguousFact, AnyFact, OutcomeFact, ReceiptStatus, Reported, Routed
from schemas.messages import Content
from schemas.optouts import Consent, OptOut, Source
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Provider
from schemas.public import StatusRecord
from schemas.settings import DispatchSettings
from schemas.status import State
from schemas.tasks import Inquiry, OnUnknown, Task
from simulator.app import build
from simulator.config import Config
from streams.fold import fold
from streams.polling import Polling
from streams.rows import Row
from tests.broker.dispatchers.bench import PARTITION, Bench, Dispatcher, directory, now
from tests.conftest import Store
from tests.contracts.ledger.conftest import break_script
from tests.contracts.providers import rigs
from tests.fakes.provider import FakeProvider

pytestmark = pytest.mark.broker

SETTINGS = DispatchSettings(
    http_timeout_seconds=20, connect_timeout_seconds=20, claim_margin_seconds=20, retry_first_seconds=0.01,
    drain_seconds=40,
)  # fmt: skip
TWILIO, TELNYX = Provider.TWILIO, Provider.TELNYX


class Phones:
    """The simulator, and what its handsets got."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def fault(self, **fault: object) -> None:
        """The next request meets it."""
        rules = [{"match": {}, "fault": fault, "times": 1}]
        async with self._session.put(f"{self.url}/faults", json=rules) as answer:
            assert answer.status == 200, await answer.text()

    async def texts(self) -> list[str]:
        async with self._session.get(f"{self.url}/handsets") as answer:
            return [text["text"] for text in (await answer.json())["texts"]]


@pytest.fixture
async def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phones]:
    for name, value in rigs.secrets().items():
        monkeypatch.setenv(name, value)
    accounts = [
        {
            "id": "twilio", "provider": "twilio", "account_sid": "AC" + "a" * 32,
            "api_key_sid": "SK" + "b" * 32, "api_key_secret": rigs.secrets()["T_TWILIO"],
            "auth_token": rigs.secrets()["T_TWILIO_TOKEN"], "receipt_delay_ms": 1,
        },
        {
            "id": "telnyx", "provider": "telnyx", "api_key": rigs.secrets()["T_TELNYX"],
            "signing_seed": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "receipt_delay_ms": 1,
        },
    ]  # fmt: skip
    config = {"state": str(tmp_path / "state.jsonl"), "accounts": accounts}
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(build(Config.model_validate(config)), shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Phones(f"http://127.0.0.1:{runner.addresses[0][1]}", session)


@asynccontextmanager
async def at(bench: Bench, provider: Provider, phones: Phones) -> AsyncIterator[Dispatcher]:
    """A dispatcher whose account is at the simulator."""
    port = connect(rigs.account(provider, phones.url), SETTINGS)
    bench.settings = SETTINGS
    bench.provider = port  # type: ignore[assignment] # any port
    try:
        async with bench.dispatcher() as dispatcher:
            yield dispatcher
    finally:
        await port.close()


@pytest.fixture
async def aged(bench: Bench, valkey: Store) -> Bench:
    """Its epoch was published ten minutes ago: what was claimed since is known."""
    async with redis.asyncio.from_url(valkey.url) as client:
        found = await client.get("helio:epoch")
        assert isinstance(found, bytes)
        name, published, run = found.decode().split()
        await client.set("helio:epoch", f"{name} {int(published) - 600_000_000} {run}")
    return bench


def inquiries(bench: Bench) -> list[Inquiry]:
    waiting = [record for record in bench.written if record.topic.startswith("sms.waiting.")]
    return [Inquiry.decode(record.value) for record in waiting if b"inquiry.v1" in (record.value or b"")]


async def lost(bench: Bench, dispatcher: Dispatcher, *tasks: Task) -> list[Inquiry]:
    """They are handed over, and nobody knows what came of it; the questions that follow."""
    before = len(inquiries(bench))
    for offset, task in enumerate(tasks):
        dispatcher.read(offset, task)
    await bench.until(lambda: dispatcher.committed == len(tasks))
    assert len(inquiries(bench)) == before + len(tasks)
    return inquiries(bench)[before:]


async def asked(bench: Bench, dispatcher: Dispatcher, *questions: Inquiry) -> None:
    """They have come back through waiting, and are put."""
    line = Line(("sms.dispatch.twilio.queued.v1", 3))
    asking = Asking(dispatcher.tools)
    for offset, inquiry in enumerate(questions):
        line.open(offset)
        asking.add(line, offset, inquiry.model_copy(update={"not_before": 0}))
    running = asyncio.create_task(asking.run())
    await bench.until(lambda: line.due() == len(questions))
    asking.stop_taking()
    await running


def status(bench: Bench, task: Task) -> StatusRecord:
    """What has become of a message."""
    return told(bench, task)[-1]


def told(bench: Bench, task: Task) -> list[StatusRecord]:
    """What the fold makes of the facts of a message."""
    content = Content(
        from_number=task.sender, to_number=task.to_number, text=task.text, segments=1, fingerprint="1:x",
        accepted_at=now(),
    )  # fmt: skip
    routed = Routed(
        message_id=task.message_id, organization=task.organization, at=now(), forget_at=task.forget_at,
        attempt=1, provider=task.provider, account=task.account, sender=task.sender, reason="test",
        content=content,
    )  # fmt: skip
    row: Row | None = None
    told: list[StatusRecord] = []
    for offset, fact in enumerate([routed, *facts(bench, task)]):
        row, more = fold(row, fact, offset)
        told += more
    return told


def facts(bench: Bench, task: Task) -> list[AnyFact]:
    return [fact for fact in bench.facts() if fact.message_id == task.message_id]


async def claim(ledger: Ledger, task: Task) -> object:
    return (await ledger.look([task.message_id]))[0].claim


def repeatable(bench: Bench) -> Task:
    """One of Telnyx', whose owner takes a second text rather than none: only then is the request repeated."""
    return bench.task(provider=TELNYX, on_unknown=OnUnknown.RESEND)


def handset() -> str:
    """Of this test alone: what is noted of whom it belongs to outlives the test."""
    return f"+1415{uuid4().int % 10**7:07}"


@pytest.mark.parametrize("policy", [OnUnknown.HOLD, OnUnknown.FAIL])
async def test_what_telnyx_may_have_sent_is_never_repeated_unasked(
    aged: Bench, phones: Phones, policy: OnUnknown
) -> None:
    """It sent the text, answered 500 and forgot the key: the same request again would be a second text."""
    await phones.fault(kind="server_error", status=500, accepted=True)
    task = aged.task(provider=TELNYX, on_unknown=policy)
    async with at(aged, TELNYX, phones) as dispatcher:
        dispatcher.read(0, task)
        await aged.until(lambda: dispatcher.committed == 1)
    assert inquiries(aged) == []
    assert status(aged, task).status is State.UNKNOWN
    assert await phones.texts() == ["hello"]


@pytest.mark.parametrize("provider", [TWILIO, TELNYX])
async def test_a_text_whose_answer_was_lost_is_found(aged: Bench, phones: Phones, provider: Provider) -> None:
    await phones.fault(kind="drop", accepted=True)
    task = aged.task(provider=provider, on_unknown=OnUnknown.RESEND)
    async with at(aged, provider, phones) as dispatcher:
        questions = await lost(aged, dispatcher, task)
        assert status(aged, task).status is State.UNKNOWN
        await asked(aged, dispatcher, *questions)
    found = status(aged, task)
    assert found.status in (State.SENT, State.DELIVERED)
    assert found.provider_message_id
    [settled] = [one for one in told(aged, task) if one.previous is State.UNKNOWN]
    assert settled.settled_by == "asked"
    assert await claim(aged.ledger, task) == Closed("sent", 1)
    assert await phones.texts() == ["hello"]


async def test_a_text_that_never_got_to_telnyx_is_sent_by_asking_once(aged: Bench, phones: Phones) -> None:
    await phones.fault(kind="drop", accepted=False)
    task = repeatable(aged)
    async with at(aged, TELNYX, phones) as dispatcher:
        questions = await lost(aged, dispatcher, task)
        assert await phones.texts() == []
        # Two of them, as after a crash of whoever wrote the first.
        await asked(aged, dispatcher, *questions, *questions)
    assert await phones.texts() == ["hello"]
    assert status(aged, task).status is State.SENT


async def test_what_may_not_be_sent_any_more_is_not_sent_by_asking(aged: Bench, phones: Phones) -> None:
    await phones.fault(kind="drop", accepted=False)
    task = repeatable(aged)
    async with at(aged, TELNYX, phones) as dispatcher:
        questions = await lost(aged, dispatcher, task)
        number = Number(organization="acme", id=aged.sender, account="tw", status=Active.SUSPENDED)
        aged.directory = directory(aged.sender, aged.rate, number)
        await asked(aged, dispatcher, *questions)
    assert await phones.texts() == []
    assert status(aged, task).status is State.UNKNOWN


async def test_who_has_opted_out_gets_no_text_by_asking(aged: Bench, phones: Phones) -> None:
    """Also where the directory forbids nothing: the ledger, where it says whether to ask, knows of it."""
    await phones.fault(kind="drop", accepted=False)
    task = repeatable(aged).model_copy(update={"to_number": handset()})
    async with at(aged, TELNYX, phones) as dispatcher:
        questions = await lost(aged, dispatcher, task)
        stop = OptOut(
            organization="acme", number=task.to_number, consent=Consent.OUT, source=Source.TEXT, at=now()
        )
        await aged.ledger.note_optouts([Noted(1, stop)])
        await asked(aged, dispatcher, *questions)
    assert await phones.texts() == []
    assert status(aged, task).status is State.UNKNOWN


async def test_an_opt_out_that_an_answer_tells_of_is_written_before_the_fact(aged: Bench) -> None:
    aged.settings = SETTINGS
    aged.provider.answer = lambda _: Ambiguous(detail="lost")
    stopped = Standing(ReceiptStatus.UNDELIVERED, code="40300", fault=Fault.OPTED_OUT)
    aged.provider.know = lambda _: Found(Accepted(provider_message_id="M1"), stopped)
    task = repeatable(aged).model_copy(update={"to_number": handset()})
    async with aged.dispatcher() as dispatcher:
        questions = await lost(aged, dispatcher, task)
        before = len(aged.written)
        await asked(aged, dispatcher, *questions)
    first, of_number, *rest = aged.written[before:]
    assert first.topic == of_number.topic == topics.OPTOUTS
    assert {record.topic for record in rest} == {topics.EVENTS}
    wish = OptOut.decode(first.value or b"")
    assert (wish.organization, wish.number, wish.consent) == ("acme", task.to_number, Consent.OUT)
    assert wish.source is Source.PROVIDER


async def read_again_after_its_deadline(bench: Bench, phones: Phones, store: Store) -> Task:
    """Its dispatcher died before the commit; the next one calls it unknown again, and asks.

    The times are those of a process that came back late: the first deadline has acted, the second is to come.
    """
    await phones.fault(kind="drop", accepted=False)
    task = repeatable(bench).model_copy(update={"valid_until": now() + 3_600_000})
    async with at(bench, TELNYX, phones) as dispatcher:
        await lost(bench, dispatcher, task)
    settle_ms = round(SETTINGS.settle_seconds * 1000)
    async with redis.asyncio.from_url(store.url) as client:
        [key] = [key async for key in client.scan_iter(f"helio:*:lost:{task.message_id}")]
        noted = await client.get(key)
        assert isinstance(noted, bytes)
        attempt, nonce, until, record = noted.decode().split()
        await client.set(key, f"{attempt} {nonce} {int(until) - settle_ms} {record}")
    async with at(bench, TELNYX, phones) as dispatcher:
        [again] = await lost(bench, dispatcher, task)
        assert again.nonce == nonce
        assert again.ask_until > now() + settle_ms // 2
        await asked(bench, dispatcher, again)
    return task


async def test_a_question_that_may_send_is_in_time_for_the_first_deadline(
    aged: Bench, phones: Phones, valkey: Store
) -> None:
    task = await read_again_after_its_deadline(aged, phones, valkey)
    assert await phones.texts() == []
    assert isinstance(facts(aged, task)[-1], AmbiguousFact)


async def test_counted_from_the_last_ambiguous_it_sends_what_the_policy_has_settled(
    aged: Bench, phones: Phones, valkey: Store
) -> None:
    """The naive build."""
    break_script(aged.ledger, "ask", "or (ask.within and now > till + ask.within)", "")
    await read_again_after_its_deadline(aged, phones, valkey)
    assert await phones.texts() == ["hello"]


async def test_that_twilio_shows_nothing_proves_nothing(aged: Bench, phones: Phones) -> None:
    await phones.fault(kind="drop", accepted=False)
    task = aged.task()
    async with at(aged, TWILIO, phones) as dispatcher:
        [question] = await lost(aged, dispatcher, task)
        await asked(aged, dispatcher, question)
        again = inquiries(aged)[-1]
        assert (again.asked, again.not_before - now() > 30_000) == (1, True)
        # It may show it later; after the last question nobody asks.
        count = len(inquiries(aged))
        await asked(aged, dispatcher, question.model_copy(update={"asked": 4}))
        assert len(inquiries(aged)) == count
    assert status(aged, task).status is State.UNKNOWN
    assert isinstance(facts(aged, task)[-1], AmbiguousFact)
    assert await phones.texts() == []


async def two_alike(bench: Bench, phones: Phones) -> tuple[Task, Task]:
    """The first gets there and the second does not; nobody knows of either, and both are asked about."""
    to = {"to_number": "+15550123", "text": "your code is 1"}
    first, second = bench.task(**to), bench.task(**to)
    async with at(bench, TWILIO, phones) as dispatcher:
        await phones.fault(kind="drop", accepted=True)
        dispatcher.read(0, first)
        await bench.until(lambda: dispatcher.committed == 1)
        await phones.fault(kind="drop", accepted=False)
        dispatcher.read(1, second)
        await bench.until(lambda: dispatcher.committed == 2)
        await asked(bench, dispatcher, *inquiries(bench))
    return first, second


async def test_two_texts_alike_are_not_told_apart(aged: Bench, phones: Phones) -> None:
    for task in await two_alike(aged, phones):
        assert status(aged, task).status is State.UNKNOWN
        assert await claim(aged.ledger, task) != Closed("sent", 1)


async def test_without_the_marks_one_that_never_got_there_is_called_sent(aged: Bench, phones: Phones) -> None:
    """The naive build: a list and a comparison."""
    break_script(aged.ledger, "ask", "elseif ask.twin and not", "elseif false and not")
    _, second = await two_alike(aged, phones)
    assert status(aged, second).status in (State.SENT, State.DELIVERED)


async def test_one_that_is_claimed_while_the_list_is_read_is_not_mistaken(aged: Bench) -> None:
    """Its mark is there before its row can be: after the answer the marks are looked at once more."""
    aged.settings = SETTINGS
    alike = {"to_number": "+15550123", "text": "your code is 1"}
    first, second = aged.task(**alike), aged.task(**alike)
    outcomes: list[Outcome] = [Accepted(provider_message_id="SM2"), Ambiguous(detail="lost")]
    aged.provider.answer = lambda _: outcomes.pop()
    async with aged.dispatcher() as dispatcher:
        [question] = await lost(aged, dispatcher, first)
        aged.provider.answering.clear()
        aged.provider.know = lambda _: Found(Accepted(provider_message_id="SM2"))
        putting = asyncio.create_task(asked(aged, dispatcher, question))
        await aged.until(lambda: aged.provider.questions)
        dispatcher.read(1, second)
        await aged.until(lambda: len(aged.provider.posts) == 2)
        aged.provider.answering.set()
        await putting
    assert [fact for fact in facts(aged, first) if isinstance(fact, OutcomeFact)] == []
    assert status(aged, first).status is State.UNKNOWN


async def test_nothing_is_asked_once_a_receipt_has_come(aged: Bench) -> None:
    aged.settings = SETTINGS
    aged.provider.answer = lambda _: Ambiguous(detail="lost")
    task = repeatable(aged)
    async with aged.dispatcher() as dispatcher:
        questions = await lost(aged, dispatcher, task)
        row = status(aged, task)
        await aged.ledger.put([row.model_copy(update={"status": State.DELIVERED, "sequence": 9})])
        await asked(aged, dispatcher, *questions)
    assert aged.provider.questions == []


@pytest.mark.parametrize("provider", [TWILIO, TELNYX])
async def test_a_text_without_a_receipt_is_asked_about_until_it_is_delivered(
    aged: Bench, phones: Phones, provider: Provider
) -> None:
    task = aged.task(provider=provider)
    async with at(aged, provider, phones) as dispatcher:
        dispatcher.read(0, task)
        await aged.until(lambda: dispatcher.committed == 1)
        sent = status(aged, task)
        assert sent.status is State.SENT
        await aged.ledger.put([sent])
        polling = Polling(aged.ledger, aged.publish, after_ms=600_000, now=now)
        await polling.poll(provider)
        assert questions_of(aged) == []
        later = Polling(aged.ledger, aged.publish, after_ms=600_000, now=lambda: now() + 601_000)
        await later.poll(provider)
        await later.poll(provider)
        [question] = [one for one in questions_of(aged) if one.message_id == task.message_id]
        await asked(aged, dispatcher, question)
    found = status(aged, task)
    assert found.status is State.DELIVERED
    assert isinstance(facts(aged, task)[-1], Reported)


def questions_of(bench: Bench) -> list[Inquiry]:
    """Those that lie on dispatch topics."""
    topics = [record for record in bench.written if record.topic.startswith("sms.dispatch.")]
    return [Inquiry.decode(record.value) for record in topics]


async def test_a_stop_lets_the_question_under_way_finish_and_leaves_the_others(aged: Bench) -> None:
    aged.settings = SETTINGS.model_copy(update={"max_questions": 1})
    aged.provider.answer = lambda _: Ambiguous(detail="lost")
    async with aged.dispatcher() as dispatcher:
        questions = await lost(aged, dispatcher, *[repeatable(aged) for _ in range(3)])
        aged.provider.answering.clear()
        line, asking = Line(PARTITION), Asking(dispatcher.tools)
        for offset, inquiry in enumerate(questions):
            line.open(offset)
            asking.add(line, offset, inquiry.model_copy(update={"not_before": 0}))
        running = asyncio.create_task(asking.run())
        await aged.until(lambda: aged.provider.questions)
        asking.stop_taking()
        aged.provider.answering.set()
        await running
    assert len(aged.provider.questions) == 1
    assert line.due() == 1


async def test_questions_of_partitions_that_have_gone_are_dropped(aged: Bench) -> None:
    aged.settings = SETTINGS
    aged.provider.answer = lambda _: Ambiguous(detail="lost")
    async with aged.dispatcher() as dispatcher:
        [gone, mine] = await lost(aged, dispatcher, repeatable(aged), repeatable(aged))
        asking = Asking(dispatcher.tools)
        revoked, line = Line(PARTITION), Line(PARTITION)
        revoked.revoked = True
        for its, inquiry in ((revoked, gone), (line, mine)):
            its.open(0)
            asking.add(its, 0, inquiry.model_copy(update={"not_before": 0}))
        running = asyncio.create_task(asking.run())
        await aged.until(lambda: line.due() == 1)
        asking.stop_taking()
        await running
    assert [one.handover.task.message_id for one in by_handover(aged.provider.questions)] == [mine.message_id]


def by_handover(questions: Sequence[Question]) -> list[ByHandover]:
    return [one for one in questions if isinstance(one, ByHandover)]


async def test_more_questions_than_there_is_room_for_wait_elsewhere(aged: Bench) -> None:
    """A provider that does not answer holds no tasks up: what lies behind its questions is read."""
    aged.settings = SETTINGS
    aged.provider = FakeProvider(lambda _: Ambiguous(detail="lost"), lambda _: NotFound())
    async with aged.dispatcher() as dispatcher:
        questions = await lost(aged, dispatcher, *[repeatable(aged) for _ in range(3)])
        aged.provider.answering.clear()
        line, asking = Line(PARTITION), Asking(dispatcher.tools, at_hand=1)
        for offset, inquiry in enumerate(questions):
            line.open(offset)
            asking.add(line, offset, inquiry.model_copy(update={"not_before": 0}))
        before = len(inquiries(aged))
        running = asyncio.create_task(asking.run())
        await aged.until(lambda: len(inquiries(aged)) == before + 2)
        assert [one.asked for one in inquiries(aged)[before:]] == [0, 0]
        asking.stop_taking()
        aged.provider.answering.set()
        await running
    assert line.due() == 3
