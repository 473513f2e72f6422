"""`route` and `fold` as processes on the real broker: killed in the middle, poisoned, short of topics."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord

from broker.publish import Outgoing, Publish
from cli.local.valkey import Valkey
from schemas import ids, topics
from schemas.facts import OutcomeFact, Receipt, ReceiptStatus, Rejected, Routed, decode_fact
from schemas.lanes import Lane
from schemas.provider import Accepted, Provider
from schemas.public import StatusRecord
from schemas.settings import KafkaSettings
from schemas.status import MOVES, State
from schemas.tasks import RecordId, Task
from tests.broker.streams.services import (
    HOUR,
    SENDER,
    Service,
    directory_entries,
    message,
    now,
    of_fact,
    of_message,
    records,
)

pytestmark = pytest.mark.broker
Run = Callable[..., Service]
DISPATCH = topics.dispatch(Provider.VONAGE, Lane.QUEUED)
FATE = {"provider": Provider.VONAGE, "account": "vg-main", "attempt": 1}


def new_ids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


def by_id(found: list[ConsumerRecord]) -> dict[str, list[ConsumerRecord]]:
    sorted_out: dict[str, list[ConsumerRecord]] = defaultdict(list)
    for record in found:
        sorted_out[record.key.decode()].append(record)
    return sorted_out


@pytest.mark.usefixtures("kafka_settings")
def test_on_topics_that_differ_a_service_says_which_and_ends_with_74(run: Run) -> None:
    services = [run(name, HELIO_TOPICS__PARTITIONS="3") for name in ("fold", "waiting")]
    for service in services:  # one on the engine, one plain loop
        assert service.wait() == 74
        assert "has 2 partitions, not 3" in service.tail()


async def test_each_service_gets_ready_and_ends_cleanly_when_told(
    run: Run, publish: Publish, store: Valkey
) -> None:
    await publish(directory_entries())
    services = [run(name, HELIO_REDIS__URL=store.url) for name in ("route", "fold", "views", "waiting")]
    for service in services:
        await asyncio.to_thread(service.wait_ready)
    for service in services:
        await asyncio.to_thread(service.stop)
        assert service.exit_code == 0, service.tail()


async def test_route_passes_each_message_on_through_its_deaths(
    run: Run, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    await publish(directory_entries())
    route = run("route")
    route.wait_ready()
    names = new_ids(200)
    for part in range(0, 200, 100):
        await publish(of_message(*(message(name) for name in names[part : part + 100])))
        # Each message again, under the same id: a repeat, of which nobody may hear.
        await publish(of_message(*(message(name) for name in names[part : part + 100])))
        route.kill()
        route.start()
    route.wait_ready()
    wanted = set(names)
    found = await records(
        kafka_settings, [DISPATCH], lambda all_: wanted <= {Task.decode(r.value).message_id for r in all_}
    )
    tasks = [Task.decode(record.value) for record in found]
    assert {record.key for record in found} == {SENDER.encode()}
    assert {(task.account, task.provider, task.attempt) for task in tasks} == {
        ("vg-main", Provider.VONAGE, 1)
    }
    facts = await records(
        kafka_settings, [topics.EVENTS], lambda all_: wanted <= {r.key.decode() for r in all_}
    )
    assert {type(decode_fact(record.value)) for record in facts} == {Routed}


async def test_a_second_sighting_is_dropped_and_other_content_is_rejected_once(
    run: Run, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    await publish(directory_entries())
    route = run("route")
    route.wait_ready()
    first, last = new_ids(2)
    await publish(
        of_message(message(first), message(first), message(first, "other"), message(first, "other"))
    )
    conflict = ids.of_conflict(first, "1:other")
    stranger = message(last, sender="+15550199999")
    await publish(of_message(stranger))
    found = by_id(
        await records(
            kafka_settings,
            [topics.EVENTS],
            lambda all_: {conflict, last, first} <= {r.key.decode() for r in all_},
        )
    )
    assert [type(decode_fact(r.value)) for r in found[first]] == [Routed]
    (rejected,) = [decode_fact(r.value) for r in found[conflict]]
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.conflicts_with) == ("conflict", first)
    (unowned,) = [decode_fact(r.value) for r in found[last]]
    assert isinstance(unowned, Rejected)
    assert unowned.code == "sender_not_found"


POISON = [b"{", b"\xff\xfe", b"", None, b'{"type":"message.v9"}', b"[]"]


@pytest.mark.parametrize(("service", "source"), [("route", topics.MESSAGES), ("fold", topics.EVENTS)])
async def test_poison_lies_in_the_dead_letters_and_stops_nothing(
    run: Run, kafka_settings: KafkaSettings, publish: Publish, service: str, source: str
) -> None:
    await publish(directory_entries())
    run(service).wait_ready()
    mark = uuid4().bytes
    for value in POISON:
        await publish([Outgoing(source, mark, value, [("theirs", b"1")])])
    good = message(str(uuid4()))
    rejected = Rejected(
        message_id=good.message_id,
        organization="acme",
        at=now(),
        forget_at=good.forget_at,
        code="sender_suspended",
        detail="It is suspended.",
        content=good.content,
    )
    await publish(of_message(good) if service == "route" else of_fact(rejected))
    output = DISPATCH if service == "route" else topics.STATUS
    await records(kafka_settings, [output], lambda all_: good.message_id.encode() in all_[-1].value)
    letters = await records(
        kafka_settings,
        [topics.dead_letters(source)],
        lambda all_: sum(r.key == mark for r in all_) == len(POISON),
    )
    own = sorted(
        (r for r in letters if r.key == mark), key=lambda r: int(dict(r.headers)["helio-dlq-offset"])
    )
    assert [r.value for r in own] == [value or b"" for value in POISON]
    kinds = [dict(r.headers)["helio-dlq-value"] for r in own]
    assert kinds == [b"null" if value is None else b"bytes" for value in POISON]
    assert all(dict(r.headers)["helio-dlq-topic"] == source.encode() for r in own)
    assert all(("theirs", b"1") in r.headers for r in own)


def way(message_id: str) -> list[Routed | OutcomeFact | Receipt]:
    """What is heard of a message that arrives."""
    about = {"message_id": message_id, "organization": "acme", "at": now(), "forget_at": now() + 72 * HOUR}
    nonce = message_id[:8]
    return [
        Routed(**about, **FATE, sender=SENDER, reason="because", content=message(message_id).content),
        OutcomeFact(
            **about,
            **FATE,
            sender=SENDER,
            nonce=nonce,
            record=RecordId(topic=DISPATCH, partition=0, offset=1),
            outcome=Accepted(provider_message_id="v-1"),
        ),
        Receipt(
            **about,
            **FATE,
            nonce=nonce,
            provider_message_id="v-1",
            status=ReceiptStatus.DELIVERED,
            raw="{}",
        ),
    ]


async def test_fold_tells_every_transition_through_its_deaths(
    run: Run, kafka_settings: KafkaSettings, publish: Publish
) -> None:
    fold = run("fold")
    fold.wait_ready()
    names = new_ids(200)
    ways = [way(name) for name in names]
    for step in range(3):
        await publish(of_fact(*(facts[step] for facts in ways)))
        fold.kill()
        fold.start()
    fold.wait_ready()

    def all_ended(found: list[ConsumerRecord]) -> bool:
        ended = {r.key.decode() for r in found if StatusRecord.decode(r.value).status is State.DELIVERED}
        return ended.issuperset(names)

    found = by_id(await records(kafka_settings, [topics.STATUS], all_ended))
    for name in names:
        values: dict[str, set[bytes]] = defaultdict(set)
        for record in found[name]:
            headers = dict(record.headers)
            values[headers["ce_id"].decode()].add(record.value)
            assert headers["ce_type"] == b"sms.status.v1"
            assert headers["ce_subject"].decode() == name
        assert all(len(of_one) == 1 for of_one in values.values()), "a repeat differs from what it repeats"
        told = [StatusRecord.decode(value) for (value,) in values.values()]
        assert [status.sequence for status in told] == list(range(1, len(told) + 1))
        assert all(after.status in MOVES[before.status] for before, after in pairwise(told))
        assert [told[0].status, told[-1].status] == [State.QUEUED, State.DELIVERED]
