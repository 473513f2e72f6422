"""Deadlines as they travel: from a dispatcher through `waiting` to `fold`, and back to the dispatchers."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord

from broker.publish import Publish
from dispatchers.journal import Journal
from dispatchers.unknown import follows
from schemas import topics
from schemas.facts import AmbiguousFact, Routed, decode_fact
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.settings import DispatchSettings, KafkaSettings
from schemas.tasks import How, OnUnknown, Task
from tests.broker.streams.services import HANDSET, HOUR, SENDER, Service, message, now, of_fact, records

pytestmark = pytest.mark.broker
Run = Callable[..., Service]
DISPATCH = topics.dispatch(Provider.VONAGE, Lane.QUEUED)
#: The shortest way through the waiting topics is longer.
SETTINGS = DispatchSettings(
    http_timeout_seconds=0.2, connect_timeout_seconds=0.2, claim_margin_seconds=0.3, settle_seconds=1.0
)


def task(name: str, policy: OnUnknown) -> Task:
    return Task(
        message_id=name, organization="acme", lane=Lane.QUEUED, provider=Provider.VONAGE, account="vg-main",
        sender=SENDER, to_number=HANDSET, text="hello", segments=1, on_unknown=policy,
        valid_until=now() + HOUR, forget_at=now() + 72 * HOUR,
    )  # fmt: skip


async def unknown(publish: Publish, sent: Task) -> int:
    """It was handed over, and nobody knows what came of it: all that a dispatcher writes then."""
    about = {"message_id": sent.message_id, "organization": "acme", "forget_at": sent.forget_at}
    attempt = {"attempt": 1, "provider": sent.provider, "account": sent.account, "sender": sent.sender}
    content = message(sent.message_id).content
    fact = AmbiguousFact(**about, **attempt, at=now(), nonces=("n1",), detail="timeout")
    await publish(of_fact(Routed(**about, **attempt, at=now(), reason="because", content=content), fact))
    await Journal("test", publish, now).write(follows(fact, sent, SETTINGS))
    return fact.at


async def test_each_policy_acts_when_its_time_has_come(
    run: Run, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    # Nobody dies here: on a busy machine none is to take another, or itself, for dead.
    services = [run(name, HELIO_KAFKA__SESSION_TIMEOUT_SECONDS="30") for name in ("fold", "waiting")]
    for service in services:
        await asyncio.to_thread(service.wait_ready)
    tasks = {policy: task(str(uuid4()), policy) for policy in OnUnknown}
    begun = {sent.message_id: await unknown(publish, sent) for sent in tasks.values()}

    def told(found: list[ConsumerRecord], policy: OnUnknown) -> list[StatusRecord]:
        name = tasks[policy].message_id.encode()
        mine = (record for record in found if record.topic == topics.STATUS and record.key == name)
        return [StatusRecord.decode(record.value) for record in mine]

    def again(found: list[ConsumerRecord]) -> list[ConsumerRecord]:
        # By their bytes: what other tests of this broker wrote there need not be a task.
        names = [name.encode() for name in begun]
        sent = [record for record in found if record.topic == DISPATCH]
        return [record for record in sent if any(name in (record.value or b"") for name in names)]

    def done(found: list[ConsumerRecord]) -> bool:
        both = (told(found, OnUnknown.FAIL), told(found, OnUnknown.RESEND))
        return all(len(statuses) == 3 for statuses in both) and bool(again(found))

    try:
        found = await records(kafka_settings, [topics.STATUS, DISPATCH, topics.EVENTS], done)
    except TimeoutError:
        pytest.fail("\n".join(f"{one.process.name} {one.exit_code}: {one.tail()}" for one in services))
    words = {policy: " ".join(status.status for status in told(found, policy)) for policy in OnUnknown}
    assert words == {
        OnUnknown.HOLD: "queued unknown",
        OnUnknown.FAIL: "queued unknown failed",
        OnUnknown.RESEND: "queued unknown queued",
    }
    (resend,) = again(found)
    made = Task.decode(resend.value)
    assert (resend.key, made.message_id) == (SENDER.encode(), tasks[OnUnknown.RESEND].message_id)
    assert (made.attempt, made.how, made.record) == (2, How.RESEND, None)
    # By the clock of who sent it on: none was there before its time.
    for record in found:
        # Keys as bytes: other tests of this broker write there, too, under any key.
        at = {name.encode(): moment for name, moment in begun.items()}.get(record.key)
        if record.topic == topics.EVENTS and at is not None:
            fact = decode_fact(record.value)
            assert fact.type != "deadline.v1" or record.timestamp >= at + 1_000
    for service in services:  # killed, they would be waited for by those of the next test
        await asyncio.to_thread(service.stop)
