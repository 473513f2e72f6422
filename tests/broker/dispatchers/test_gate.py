"""What may not go any more, or not now, does not: by the directory as it is when it is handed over (P9)."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dispatchers.port import Handover
from ledger.claims import Closed
from schemas import topics
from schemas.caps import Cap
from schemas.directory import (
    AnyEntity,
    Brand,
    Campaign,
    Number,
    NumberKind,
    Organization,
    QuietHours,
    Registration,
    UseCase,
)
from schemas.facts import Closed as ClosedFact
from schemas.facts import ClosedWhy
from schemas.messages import Failover
from schemas.provider import Ambiguous, Outcome, Unavailable
from schemas.tasks import How, Task
from schemas.waiting import Ticket
from tests.broker.dispatchers.bench import OTHER, Bench, directory, now
from tests.fakes.provider import accept

pytestmark = pytest.mark.broker
USE_CASE = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"
HOUR = 3_600_000
MANY = 100


def change(bench: Bench, *more: AnyEntity) -> None:
    bench.directory = directory(bench.sender, bench.rate, *more)


def registered(bench: Bench, state: Registration, **number: Any) -> list[AnyEntity]:
    """The sender's number, in a campaign of a brand that is `state`."""
    return [
        Number(organization="acme", id=bench.sender, account="tw", rate=bench.rate, campaign="c", **number),
        Campaign(
            organization="acme",
            id="c",
            brand="b",
            use="news",
            registration=Registration.VERIFIED,
            day_cap=None,
        ),
        Brand(organization="acme", id="b", name="B", registration=state),
    ]


def use_case(bench: Bench, **changes: Any) -> UseCase:
    return UseCase(
        organization="acme", id=UUID(USE_CASE), name="News", numbers=(bench.sender, OTHER), **changes
    )


def closed(bench: Bench) -> dict[str, ClosedWhy]:
    return {fact.message_id: fact.why for fact in bench.facts() if isinstance(fact, ClosedFact)}


def failovers(bench: Bench) -> list[Failover]:
    return [Failover.decode(r.value) for r in bench.written if r.topic == topics.MESSAGES]


def standing(bench: Bench) -> set[str]:
    """The nonces of intents that nobody has voided."""
    voided = {void.nonce for batch in bench.intents() for void in batch.voids}
    return {intent.nonce for batch in bench.intents() for intent in batch.intents} - voided


async def test_a_brand_that_is_suspended_while_a_hundred_wait_stops_them_all(bench: Bench) -> None:
    bench.rate = 4.0
    change(bench, *registered(bench, Registration.VERIFIED))
    tasks = [bench.task() for _ in range(MANY)]
    async with bench.dispatcher() as dispatcher:
        for offset, one in enumerate(tasks):
            dispatcher.read(offset, one)
        await bench.until(lambda: len(bench.provider.posts) >= 2)
        change(bench, *registered(bench, Registration.SUSPENDED))
        sent = len(bench.provider.posts)
        await bench.until(lambda: dispatcher.committed == MANY)
        await bench.until(lambda: standing(bench) == {post.nonce for post in bench.provider.posts})
    posted = {post.task.message_id for post in bench.provider.posts}
    # One may have had its claim when the brand was suspended.
    assert sent <= len(posted) <= sent + 1
    assert closed(bench) == {
        one.message_id: ClosedWhy.BRAND_SUSPENDED for one in tasks if one.message_id not in posted
    }
    looked = await bench.ledger.look([one.message_id for one in tasks if one.message_id not in posted])
    assert {found.claim for found in looked} == {Closed("brand_suspended", 1)}


async def test_what_may_have_been_sent_is_never_told_to_have_ended_unsent(bench: Bench) -> None:
    task = bench.task(attempt=2, how=How.RESEND)
    unknown = task.model_copy(update={"attempt": 1, "how": How.PLAIN})
    bench.provider.answer = lambda _: Ambiguous(detail="timeout")
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, unknown)
        await bench.until(lambda: dispatcher.committed == 1)
        change(bench, *registered(bench, Registration.SUSPENDED))
        dispatcher.read(1, task)
        await bench.until(lambda: dispatcher.committed == 2)
    assert len(bench.provider.posts) == 1
    assert not closed(bench)
    [found] = await bench.ledger.look([task.message_id])
    assert found.claim == Closed("unknown", 2)


async def test_another_number_of_the_pool_takes_over_and_without_one_it_ends(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dispatchers")
    first = registered(bench, Registration.SUSPENDED, number_kind=NumberKind.TOLL_FREE)
    change(bench, use_case(bench), *first)
    task = bench.task(use_case_id=USE_CASE)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, task)
        await bench.until(lambda: dispatcher.committed == 1)
        [found] = failovers(bench)
        # `route` has had no other number: it says so, and it is told.
        dispatcher.read(1, found.task)
        await bench.until(lambda: dispatcher.committed == 2)
    said = f"dispatch.failed-over message={task.message_id} sender={bench.sender}: its brand is suspended"
    assert said in caplog.messages
    assert found.message_id == task.message_id
    assert (found.task.attempt, found.task.sender) == (1, bench.sender)
    assert found.task.record is not None
    # The other number may use the same account.
    assert found.task.tried_accounts == ()
    assert closed(bench) == {task.message_id: ClosedWhy.BRAND_SUSPENDED}
    assert not bench.provider.posts
    assert not bench.intents()


async def test_a_use_case_that_is_deleted_ends_its_messages(bench: Bench) -> None:
    task = bench.task(use_case_id=USE_CASE)
    async with bench.dispatcher() as dispatcher:
        dispatcher.read(0, task)
        await bench.until(lambda: dispatcher.committed == 1)
    assert closed(bench) == {task.message_id: ClosedWhy.USE_CASE_NOT_FOUND}
    assert not failovers(bench)


def quiet_for(hours: float) -> QuietHours:
    """Until then, by UTC."""
    clock = datetime.now(UTC)
    end = clock + timedelta(hours=hours)
    return QuietHours(start=f"{clock - timedelta(hours=1):%H:%M}", end=f"{end:%H:%M}", zone="UTC")


async def test_in_quiet_hours_it_waits_in_kafka_and_what_is_over_by_then_comes_back_to_be_told(
    bench: Bench,
) -> None:
    hours = quiet_for(3)
    change(bench, use_case(bench), Organization(organization="acme", id="acme", quiet_hours=hours))
    night = now() // HOUR * HOUR
    named = bench.task(valid_until=now() + 20 * HOUR, forget_at=now() + 30 * HOUR)
    short = bench.task(valid_until=now() + HOUR, forget_at=now() + 30 * HOUR)
    answer = bench.task(confirms=True)
    chosen = bench.task(use_case_id=USE_CASE, sender=OTHER)
    async with bench.dispatcher() as dispatcher:
        for offset, one in enumerate((named, short, answer, chosen)):
            dispatcher.read(offset, one)
        await bench.until(lambda: dispatcher.committed == 4)
    # An answer to a text goes at any time; the use case has no quiet hours.
    assert {post.task.message_id for post in bench.provider.posts} == {answer.message_id, chosen.message_id}
    waits = {
        (found := Task.decode(one.value)).message_id: (Ticket.read(one.headers), found)
        for one in bench.waiting()
    }
    assert set(waits) == {named.message_id, short.message_id}
    ticket, task = waits[named.message_id]
    assert night < ticket.due <= now() + 3 * HOUR
    assert f"{datetime.fromtimestamp(ticket.due / 1000, UTC):%H:%M}" == hours.end
    assert (task.not_before, task.attempt, task.record is not None) == (ticket.due, 1, True)
    assert waits[short.message_id][0].due == short.valid_until + 1
    # Nothing stands that a loss of the ledger would call unknown.
    assert standing(bench) == {post.nonce for post in bench.provider.posts}


async def test_a_number_stops_at_its_cap_and_what_was_not_sent_makes_room(bench: Bench) -> None:
    number = Number(organization="acme", id=bench.sender, account="tw", rate=1000, burst=10, day_cap=5)
    change(bench, number)
    refused: list[str] = []

    def once(handover: Handover) -> Outcome:
        """The first three do not get there the first time."""
        if len(refused) < 3:
            refused.append(handover.task.message_id)
            return Unavailable(detail="refused")
        return accept(handover)

    bench.provider.answer = once
    later = {"valid_until": now() + 40 * HOUR, "forget_at": now() + 60 * HOUR}
    async with bench.dispatcher() as dispatcher:
        for offset in range(20):
            dispatcher.read(offset, bench.task(**later))
        await bench.until(lambda: len(bench.provider.posts) == 5)
        cap = Cap(f"number:{bench.sender}", 5)
        assert await bench.ledger.used_up([cap]) == {cap.name}
        # Those that are left wait, with the intents that they have; nothing more goes.
        await bench.until(lambda: len(dispatcher.window.lines()[0]) == 15)
    assert len(bench.provider.posts) == 5
    assert len({post.task.message_id for post in bench.provider.posts}) == 5
    counted = {intent.nonce: intent for batch in bench.intents() for intent in batch.intents}
    assert {intent.caps for intent in counted.values()} == {(cap.name,)}
