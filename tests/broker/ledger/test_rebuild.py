"""The ledger is rebuilt from Kafka (docs/ledger.md, P13): what may have been sent is never sent again.

Each test uses message ids of its own; the broker's topics keep what earlier tests wrote.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from broker import clients
from broker.publish import Outgoing, Publish
from cli.local.valkey import Valkey
from ledger import Ledger, LedgerNotReadyError
from ledger.claims import Absent, Cancel, Closed, Open, Refused, Sending, Won
from ledger.errors import UnreadableIntentsError
from ledger.lock import Lock
from ledger.rebuild import ensure_epoch
from schemas import topics
from schemas.caps import Cap
from schemas.facts import AmbiguousFact, AnyFact, ClosedWhy, decode_fact
from schemas.facts import Closed as ClosedFact
from schemas.provider import Accepted, Fault, Rejected, Throttled, Unavailable
from schemas.settings import KafkaSettings, RedisSettings
from tests.broker.ledger.records import (
    HOUR,
    PARTITIONS,
    RECORD,
    VIA,
    Message,
    claims,
    intents,
    now,
    write,
)

pytestmark = pytest.mark.broker

POISON = b"poison"


async def drop_records(kafka: KafkaSettings, topic: str) -> None:
    async with clients.admin(kafka) as client:
        ends = {TopicPartition(topic, p): RecordsToDelete(-1) for p in range(PARTITIONS)}
        await client.delete_records(ends)


async def facts(kafka: KafkaSettings, message: Message) -> list[AnyFact]:
    """The facts about a message that are on the events topic now."""
    consumer = clients.reader(kafka)
    consumer.subscribe([topics.EVENTS])
    await consumer.start()
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
        found: list[AnyFact] = []
        while [p for p, end in ends.items() if await consumer.position(p) < end]:
            batches = await consumer.getmany(timeout_ms=1000)
            found += [decode_fact(r.value) for batch in batches.values() for r in batch if r.key != POISON]
        return [fact for fact in found if fact.message_id == message.id]
    finally:
        await consumer.stop()


async def said(kafka: KafkaSettings, message: Message) -> list[AmbiguousFact]:
    """The `ambiguous` ones."""
    return [fact for fact in await facts(kafka, message) if isinstance(fact, AmbiguousFact)]


async def closings(kafka: KafkaSettings, message: Message) -> list[ClosedWhy]:
    """The endings without a send."""
    return [fact.why for fact in await facts(kafka, message) if isinstance(fact, ClosedFact)]


async def eventually(said: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await said():  # noqa: ASYNC110 - only the server can tell
            await asyncio.sleep(0.01)


async def expire_lock(ledger: Ledger) -> None:
    """Its time is over."""
    await ledger.server._client.pexpire("helio:rebuild", 0)


async def swept(ledger: Ledger) -> bool:
    """Whether all claims are of one epoch."""
    keys = await ledger.server._client.keys("helio:*:c:*")
    return len({str(key).split(":")[1] for key in keys}) == 1


async def test_a_first_start_makes_an_epoch(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    message = Message()
    with pytest.raises(LedgerNotReadyError):
        await ledger.look([message.id])
    assert await ensure_epoch(ledger, kafka_settings, publish, now, "UTC") is True
    assert await ensure_epoch(ledger, kafka_settings, publish, now, "UTC") is False
    assert isinstance((await ledger.claim([message.ask("n")]))[0], Won)


async def test_each_message_gets_the_claim_that_its_records_tell(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    taken, refused, throttled, unavailable = Message(), Message(), Message(), Message()
    lost, told, voided, expired, forgotten = Message(), Message(), Message(), Message(), Message()
    early, foreign, outweighed, several = Message(), Message(), Message(), Message()
    forgotten.forget_at = now() - 1
    everybody = [taken, refused, throttled, unavailable, lost, told, voided, forgotten]
    everybody += [early, foreign, outweighed, several]
    await write(
        publish,
        early.receipt("n"),
        foreign.receipt("n", account="another"),
        intents(*(message.intent("n") for message in everybody)),
        intents(several.intent("m"), voids=[voided.void("n")]),
        taken.outcome("n", Accepted(provider_message_id="SM1")),
        taken.receipt("n"),
        refused.outcome("n", Rejected(fault=Fault.RECIPIENT, detail="no such number")),
        throttled.outcome("n", Throttled()),
        unavailable.outcome("n", Unavailable(detail="refused")),
        told.ambiguous("n"),
        outweighed.ambiguous("n"),
        outweighed.outcome("n", Throttled()),
        expired.closed(ClosedWhy.EXPIRED),
    )
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await claims(ledger, taken, refused) == [Closed("sent", 1)] * 2
    assert await claims(ledger, throttled, unavailable) == [Open(2, str(RECORD), maybe_sent=False)] * 2
    assert (
        await claims(ledger, lost, told, early, foreign, outweighed) == [Closed("unknown", 1, "n", VIA)] * 5
    )
    assert await claims(ledger, several) == [Closed("unknown", 1, "")]
    assert await claims(ledger, voided, forgotten) == [Absent()] * 2
    assert await claims(ledger, expired) == [Closed("expired", 0)]
    # What nobody had called unknown yet was said before anybody could believe the claims; nothing twice.
    assert [fact.nonces for fact in await said(kafka_settings, lost)] == [("n",)]
    assert [fact.nonces for fact in await said(kafka_settings, told)] == [("n",)]
    # The fold counts a receipt only when a fact of ours has named its nonce: this one does.
    assert [fact.nonces for fact in await said(kafka_settings, early)] == [("n",)]
    assert [fact.nonces for fact in await said(kafka_settings, several)] == [("m", "n")]
    assert await said(kafka_settings, throttled) == []


async def test_a_cancel_that_was_asked_is_honoured_where_nothing_may_have_been_sent(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    """Its owner was answered `cancelled`, or will be; only what may have gone out stays unknown."""
    waiting, voided, throttled = Message(), Message(), Message()
    lost, told, sent, done = Message(), Message(), Message(), Message()
    everybody = (waiting, voided, throttled, lost, told, sent, done)
    await write(
        publish,
        *(message.cancel_asked() for message in (waiting, sent)),
        intents(*(message.intent("n") for message in (voided, throttled, lost, told, sent))),
        intents(voids=[voided.void("n")]),
        throttled.outcome("n", Throttled()),
        throttled.cancel_asked(2),
        told.ambiguous("n"),
        sent.outcome("n", Accepted(provider_message_id="SM1")),
        done.closed(ClosedWhy.CANCELLED),
        *(message.cancel_asked() for message in (voided, lost, told, done, waiting)),
    )
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await claims(ledger, waiting, voided, throttled, done) == [Closed("cancelled", 0)] * 4
    assert await claims(ledger, lost, told) == [Closed("unknown", 1, "n", VIA)] * 2
    assert await claims(ledger, sent) == [Closed("sent", 1)]
    assert await ledger.claim([waiting.ask("m"), voided.ask("m")]) == [Refused(Closed("cancelled", 0))] * 2

    # What is honoured is said once, also when another rebuild comes; nothing else is.
    async def all_said() -> bool:
        return all([await closings(kafka_settings, m) for m in (waiting, voided, throttled)])

    await eventually(all_said)
    await ledger.server._client.flushall()
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await claims(ledger, waiting) == [Closed("cancelled", 0)]
    await asyncio.gather(*ledger._tending)
    once = [ClosedWhy.CANCELLED]
    assert [await closings(kafka_settings, m) for m in everybody] == [once, once, once, [], [], [], once]


async def test_a_cancel_that_came_too_late_is_not_granted_by_a_rebuild(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    """Its owner was told that the message is being sent; then the provider refused it for now."""
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    message = Message()
    await write(publish, intents(message.intent("n")), message.cancel_asked())
    assert isinstance((await ledger.claim([message.ask("n")]))[0], Won)
    [told] = await ledger.cancel([Cancel(message.id, 1, message.forget_at)])
    assert isinstance(told, Sending)
    await write(publish, message.outcome("n", Throttled()))
    await ledger.server._client.flushall()
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    await asyncio.gather(*ledger._tending)
    assert await claims(ledger, message) == [Open(2, str(RECORD), maybe_sent=False)]
    assert await closings(kafka_settings, message) == []
    # The next wish is of the next attempt.
    assert await ledger.cancel([Cancel(message.id, 2, message.forget_at)]) == [Closed("cancelled", 0)]


async def test_a_cancel_waits_for_the_rebuild(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    wanted = Message()
    ask = Cancel(wanted.id, 1, wanted.forget_at)
    assert await ledger.cancel([ask]) == [Closed("cancelled", 0)]
    await ledger.server._client.flushall()
    with pytest.raises(LedgerNotReadyError):
        await ledger.cancel([ask])
    await write(publish, wanted.cancel_asked())
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await ledger.cancel([ask]) == [Closed("cancelled", 0)]


async def test_a_wiped_ledger_holds_and_then_sends_nothing_twice(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    sending, fresh = Message(), Message()
    await write(publish, intents(sending.intent("n")))
    assert isinstance((await ledger.claim([sending.ask("n")]))[0], Won)
    await ledger.server._client.flushall()
    with pytest.raises(LedgerNotReadyError):
        await ledger.claim([sending.ask("m"), fresh.ask("m")])
    with pytest.raises(LedgerNotReadyError):
        await ledger.close([sending.own("n")])
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    again, first = await ledger.claim([sending.ask("m"), fresh.ask("m")])
    assert again == Refused(Closed("unknown", 1, "n", VIA))
    assert isinstance(first, Won)
    # Its sender still lives and learns the outcome: the claim is settled by its own nonce.
    await ledger.close([sending.own("n")])
    assert await claims(ledger, sending) == [Closed("sent", 1)]


async def test_a_restart_is_a_loss_also_when_the_file_is_whole(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, store: Valkey
) -> None:
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    await asyncio.to_thread(store.kill)
    await asyncio.to_thread(store.start)
    await asyncio.to_thread(store.wait_ready)
    with pytest.raises(LedgerNotReadyError):
        await ledger.look([Message().id])
    assert await ensure_epoch(ledger, kafka_settings, publish, now, "UTC") is True


async def test_a_ledger_rolled_back_to_an_old_file_forgets_nothing(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, store: Valkey, tmp_path: Path
) -> None:
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    await ledger.claim([Message().ask("n")])
    await asyncio.to_thread(store.stop)
    shutil.copytree(store.data, tmp_path / "old")
    await asyncio.to_thread(store.start)
    await asyncio.to_thread(store.wait_ready)
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    sent = Message()
    await write(publish, intents(sent.intent("n")))
    assert isinstance((await ledger.claim([sent.ask("n")]))[0], Won)
    await asyncio.to_thread(store.kill)
    shutil.rmtree(store.data)
    shutil.copytree(tmp_path / "old", store.data)
    await asyncio.to_thread(store.start)
    await asyncio.to_thread(store.wait_ready)
    with pytest.raises(LedgerNotReadyError):
        await ledger.claim([sent.ask("m")])
    await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
    assert await ledger.claim([sent.ask("m")]) == [Refused(Closed("unknown", 1, "n", VIA))]
    # The claims of the epochs before are swept away.
    await eventually(lambda: swept(ledger))


async def test_of_two_rebuilders_one_rebuilds(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, store: Valkey
) -> None:
    lost = Message()
    await write(publish, intents(lost.intent("n")))
    async with Ledger(RedisSettings(url=store.url)) as other:
        rebuilt = await asyncio.gather(
            *(ensure_epoch(one, kafka_settings, publish, now, "UTC") for one in (ledger, other))
        )
        assert sorted(rebuilt) == [False, True]
        assert await claims(other, lost) == [Closed("unknown", 1, "n", VIA)]
    assert len(await said(kafka_settings, lost)) == 1


async def test_the_epoch_is_not_published_before_ambiguous_is_acknowledged(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    lost = Message()
    await write(publish, intents(lost.intent("n")))
    asked, acknowledged = asyncio.Event(), asyncio.Event()

    async def slow(records: Sequence[Outgoing]) -> None:
        if records:
            asked.set()
            await acknowledged.wait()
        await publish(records)

    rebuilding = asyncio.create_task(ensure_epoch(ledger, kafka_settings, slow, now, "UTC"))
    async with asyncio.timeout(30):
        await asked.wait()
    with pytest.raises(LedgerNotReadyError):
        await ledger.look([lost.id])
    acknowledged.set()
    assert await rebuilding is True
    assert await claims(ledger, lost) == [Closed("unknown", 1, "n", VIA)]


async def test_a_rebuilder_beyond_its_lock_publishes_nothing(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, store: Valkey
) -> None:
    lost, late = Message(), Message()
    await write(publish, intents(lost.intent("n")))
    stalled, woken = asyncio.Event(), asyncio.Event()

    async def stall(records: Sequence[Outgoing]) -> None:
        stalled.set()
        await woken.wait()
        await publish(records)

    async with Ledger(RedisSettings(url=store.url)) as other:
        slow = asyncio.create_task(ensure_epoch(ledger, kafka_settings, stall, now, "UTC"))
        async with asyncio.timeout(30):
            await stalled.wait()
            await expire_lock(ledger)
            assert await ensure_epoch(other, kafka_settings, publish, now, "UTC") is True
        # A hand-over under the new epoch, which the stalled one knows nothing of.
        await write(publish, intents(late.intent("n")))
        assert isinstance((await other.claim([late.ask("n")]))[0], Won)
        epoch = await other.server._client.get("helio:epoch")
        woken.set()
        assert await slow is False
        assert await other.server._client.get("helio:epoch") == epoch
        assert await other.lose([late.own("n")]) == [True]


async def test_a_rebuild_that_began_under_another_run_publishes_nothing(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish, store: Valkey
) -> None:
    lost, late = Message(), Message()
    await write(publish, intents(lost.intent("n")))
    interrupted = 0

    async def restart_meanwhile(records: Sequence[Outgoing]) -> None:
        nonlocal interrupted
        interrupted += 1
        if interrupted == 1:
            await asyncio.to_thread(store.kill)
            await asyncio.to_thread(store.start)
            await asyncio.to_thread(store.wait_ready)
            await write(publish, intents(late.intent("n")))
        await publish(records)

    async with asyncio.timeout(60):
        assert await ensure_epoch(ledger, kafka_settings, restart_meanwhile, now, "UTC") is True
    assert interrupted > 1
    # The second reading saw what came after the first.
    assert await claims(ledger, lost, late) == [Closed("unknown", 1, "n", VIA)] * 2


async def test_what_a_crashed_rebuilder_left_hinders_nobody(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    message = Message()
    await write(publish, intents(Message().intent("n")))
    crashed = await Lock.acquire(ledger.server, 60_000)
    assert isinstance(crashed, Lock)
    await crashed.write([(message.id, Closed("sent", 1), message.forget_at)])
    await expire_lock(ledger)
    left = f"helio:{crashed.token}:c:{message.id}"
    assert 0 < await ledger.server._client.pttl(left) <= 74 * HOUR
    assert await ensure_epoch(ledger, kafka_settings, publish, now, "UTC") is True
    assert await claims(ledger, message) == [Absent()]
    await eventually(lambda: swept(ledger))
    assert not await ledger.server._client.exists(left)


async def test_a_poisoned_fact_stops_nothing_but_intents_may_hide_a_hand_over(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    throttled = Message()
    await publish([Outgoing(topics.EVENTS, POISON, b"junk")])
    await write(publish, intents(throttled.intent("n")), throttled.outcome("n", Throttled()))
    assert await ensure_epoch(ledger, kafka_settings, publish, now, "UTC") is True
    assert await claims(ledger, throttled) == [Open(2, str(RECORD), maybe_sent=False)]
    await ledger.server._client.flushall()
    await publish([Outgoing(topics.INTENTS, POISON, b'{"type":"intents.v2"}')])
    try:
        with pytest.raises(UnreadableIntentsError, match=r"sms\.intents\.v1:\d:\d+"):
            await ensure_epoch(ledger, kafka_settings, publish, now, "UTC")
        with pytest.raises(LedgerNotReadyError):
            await ledger.look([throttled.id])
    finally:
        await drop_records(kafka_settings, topics.INTENTS)
    assert await ensure_epoch(ledger, kafka_settings, publish, now, "UTC") is True
    # A fact of ours stands for the intent that was before it.
    assert await claims(ledger, throttled) == [Open(2, str(RECORD), maybe_sent=False)]


async def test_what_the_days_caps_have_let_go_is_counted_again(
    ledger: Ledger, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    name = f"number:{uuid4()}"
    taken, throttled, lost, voided = Message(), Message(), Message(), Message()
    counts = {"caps": (name,), "segments": 2}
    made = [
        message.intent(message.id).model_copy(update=counts) for message in (taken, throttled, lost, voided)
    ]
    await write(
        publish,
        intents(*made),
        intents(voids=[voided.void(voided.id)]),
        taken.outcome(taken.id, Accepted(provider_message_id="SM1")),
        throttled.outcome(throttled.id, Throttled()),
    )
    await ensure_epoch(ledger, kafka_settings, publish, now, "America/Los_Angeles")
    # Two went, or may have gone: four segments.
    assert await ledger.used_up([Cap(name, 4)]) == {name}
    assert not await ledger.used_up([Cap(name, 5)])
