"""Opt-outs survive the ledger: a rebuild has all of them before anything goes out (P9, P13)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from broker import clients
from broker.publish import Outgoing, Publish
from ledger import Ledger
from ledger.claims import Ask, Closed, Refused, Won
from ledger.gathering import Gathering
from ledger.optouts import Noted
from ledger.rebuild import ensure_epoch
from schemas import topics
from schemas.optouts import Consent, OptOut, Source
from schemas.settings import KafkaSettings
from streams.optouts import Following
from tests.broker.ledger.records import Message, now

pytestmark = pytest.mark.broker

ADA, BOB, EVE = "+14155550101", "+14155550102", "+14155550103"
DEADLINE = 30


def said(organization: str, number: str, consent: Consent = Consent.OUT) -> OptOut:
    return OptOut(
        organization=organization, number=number, consent=consent, source=Source.TEXT, at=now(), note="stop"
    )


def on_topic(record: OptOut) -> Outgoing:
    return Outgoing(topics.OPTOUTS, record.key, record.encode())


def ask(message: Message, organization: str, number: str) -> Ask:
    return replace(message.ask("n"), scopes=(organization,), to_number=number)


@pytest.fixture
def organization() -> str:
    """One that no other test has: the topic keeps what they wrote."""
    return f"org-{uuid4().hex[:8]}"


async def told(publish: Publish, organization: str) -> None:
    """Ada is out; Bob was, and is in again; of Eve there is a record that nobody can read."""
    await publish([on_topic(said(organization, ADA)), on_topic(said(organization, BOB))])
    back = on_topic(said(organization, BOB, Consent.IN))
    await publish([back, Outgoing(topics.OPTOUTS, f"{organization} {EVE}".encode(), b"{")])


async def wants(ledger: Ledger, organization: str) -> list[bool]:
    """Whether a claim of each of the three is won; who has opted out is refused."""
    asks = [ask(Message(), organization, number) for number in (ADA, BOB, EVE)]
    verdicts = await ledger.claim(asks)
    assert all(isinstance(one, Won) or one == Refused(Closed("opted_out", 1)) for one in verdicts)
    return [isinstance(one, Won) for one in verdicts]


async def test_after_a_loss_nobody_is_written_to_who_wants_no_more(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, organization: str
) -> None:
    await told(publish, organization)
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await wants(ledger, organization) == [False, True, False]
    await ledger.server._client.flushall()
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await wants(ledger, organization) == [False, True, False]


async def test_a_rebuild_that_forgot_them_is_noticed(
    ledger: Ledger,
    kafka_settings: KafkaSettings,
    publish: Publish,
    organization: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_: Gathering, __: Sequence[Any]) -> None:
        """As if the topic were not read."""

    await told(publish, organization)
    monkeypatch.setattr(Gathering, "optouts", nothing)
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await wants(ledger, organization) == [True, True, True]


async def eventually(said: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await said():  # noqa: ASYNC110 - only the server can tell
            await asyncio.sleep(0.02)


async def test_what_is_only_on_the_topic_comes_to_the_ledger(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, organization: str
) -> None:
    """Whoever wrote it died before noting it. Two follow, one of them away for a while."""
    await told(publish, organization)

    async def known() -> bool:
        reaches = [((organization,), number) for number in (ADA, BOB, EVE)]
        return await ledger.opted_out(reaches) == [True, False, True]

    group = f"follow-{uuid4().hex[:8]}"
    for more in (None, said(organization, BOB)):
        consumer = clients.group_consumer(kafka_settings, group)
        following = Following(consumer, ledger)
        following.subscribe()
        async with consumer:
            running = asyncio.create_task(following.run())
            try:
                if more is None:
                    await eventually(known)
                else:
                    await publish([on_topic(more)])
                    await eventually(lambda: ledger_knows(ledger, organization, BOB))
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


async def ledger_knows(ledger: Ledger, organization: str, number: str) -> bool:
    return await ledger.opted_out([((organization,), number)]) == [True]


async def test_an_older_record_that_is_read_late_changes_nothing(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, organization: str
) -> None:
    """The webhooks note at once what the follower reads later; and it may read what was before."""
    await told(publish, organization)
    await ledger.note_optouts([Noted(10**9, said(organization, ADA, Consent.IN))])
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert (await wants(ledger, organization))[0] is True
