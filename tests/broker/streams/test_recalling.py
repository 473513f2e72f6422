"""Sticky memory on the real broker and ledger: it comes back after a wipe, and `route` waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord
from redis import Redis

from broker import clients
from broker.publish import Outgoing, Publish
from cli.local.valkey import Valkey
from ledger import Ledger
from ledger.sticky import STICKY_MS, Remembered
from schemas import topics
from schemas.directory import AnyEntity, Entry, Number, UseCase, identity
from schemas.facts import Routed, decode_fact
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.settings import KafkaSettings, RedisSettings
from schemas.status import State
from schemas.tasks import Task
from streams.recalling import Recalling
from tests.broker.streams.services import (
    PARTITIONS,
    Service,
    directory_entries,
    message,
    now,
    of_message,
    records,
)

pytestmark = pytest.mark.broker
DAY = 24 * 3_600_000
DISPATCH = topics.dispatch(Provider.VONAGE, Lane.QUEUED)
#: British mobiles: they need no campaign, and are all alike near to each other.
POOL = [f"+4474001234{n:02d}" for n in range(20, 40)]
HANDSET = "+447400654321"


@pytest.fixture
async def ledger(store: Valkey) -> AsyncIterator[Ledger]:
    async with Ledger(RedisSettings(url=store.url, timeout_seconds=1)) as client:
        yield client


@pytest.fixture
def use_case() -> str:
    return str(uuid4())


def wipe(store: Valkey) -> None:
    with Redis.from_url(store.url) as client:
        client.flushall()


def told(use_case: str, number: str, status: State = State.SENT) -> Outgoing:
    """What the fold tells of a message through the use case."""
    message_id = str(uuid4())
    row = StatusRecord(
        id=f"{message_id}-2",
        message_id=message_id,
        organization="acme",
        sequence=2,
        status=status,
        at=now(),
        accepted_at=now(),
        forget_at=now() + 3 * DAY,
        from_number=number,
        use_case_id=use_case,
        to_number=HANDSET,
        text="hello",
        segments=1,
        fingerprint="1:abc",
    )
    return Outgoing(topics.STATUS, message_id.encode(), row.encode())


@asynccontextmanager
async def recalling(kafka: KafkaSettings, ledger: Ledger, later: int = 0) -> AsyncIterator[None]:
    async with clients.reader(kafka) as reader:
        work = Recalling(
            ledger,
            reader,
            ours=lambda: range(PARTITIONS),
            partitions=PARTITIONS,
            now=lambda: now() + later,
        )
        task = asyncio.create_task(work.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))


async def remembered(ledger: Ledger, use_case: str) -> str | None:
    """The number that the handset knows, once the memory is whole."""
    async with asyncio.timeout(60):
        while not (found := await ledger.sticky([(use_case, HANDSET)])).whole:  # noqa: ASYNC110  # Redis rings no bell
            await asyncio.sleep(0.05)
    return found.numbers[0]


async def test_a_wiped_ledger_has_the_memory_back_older_than_any_message(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger, store: Valkey, use_case: str
) -> None:
    await publish([Outgoing(topics.STATUS, b"x", b'{"use_case_id":"')])  # it is passed over
    await publish([told(use_case, POOL[0])])
    await publish([told(use_case, POOL[1]), told(use_case, POOL[2], State.FAILED)])
    async with recalling(kafka_settings, ledger, later=STICKY_MS - DAY):
        assert await remembered(ledger, use_case) == POOL[1]
        wipe(store)
        assert await ledger.sticky([(use_case, HANDSET)]) == Remembered(whole=False, numbers=(None,))
        assert await remembered(ledger, use_case) == POOL[1]


async def test_what_is_older_than_the_memory_lasts_is_not_recalled(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger, use_case: str
) -> None:
    await publish([told(use_case, POOL[0])])
    async with recalling(kafka_settings, ledger, later=STICKY_MS + DAY):
        assert await remembered(ledger, use_case) is None


async def test_while_the_ledger_is_away_it_waits_and_then_recalls(
    kafka_settings: KafkaSettings, publish: Publish, ledger: Ledger, store: Valkey, use_case: str
) -> None:
    await publish([told(use_case, POOL[0])])
    await asyncio.to_thread(store.kill)
    async with recalling(kafka_settings, ledger):
        await asyncio.to_thread(store.start)
        await asyncio.to_thread(store.wait_ready)
        assert await remembered(ledger, use_case) == POOL[0]


# ---- with the services themselves


def entries(use_case: str, numbers: list[str], version: int) -> list[Outgoing]:
    """The directory with this pool, on the account that is there."""
    entities: list[AnyEntity] = [Number(organization="acme", id=one, account="vg-main") for one in numbers]
    entities.append(
        UseCase.model_validate(
            {"organization": "acme", "id": use_case, "name": "Orders", "numbers": tuple(numbers)}
        )
    )
    written = [
        Entry(
            kind=identity(entity)[0],
            id=identity(entity)[1],
            organization="acme",
            version=version if isinstance(entity, UseCase) else 1,
            at=now(),
            entity=entity,
        )
        for entity in entities
    ]
    return [Outgoing(topics.DIRECTORY, entry.key, entry.encode()) for entry in written]


async def routed(kafka: KafkaSettings, publish: Publish, use_case: str) -> tuple[str, str]:
    """The sender and the reason of a new message to the handset."""
    plain = message(str(uuid4()))
    content = plain.content.model_copy(
        update={"from_number": None, "use_case_id": use_case, "to_number": HANDSET}
    )
    sent = plain.model_copy(update={"content": content})
    await publish(of_message(sent))

    def told_of_it(found: list[ConsumerRecord]) -> bool:
        return bool(found[-1].key == sent.message_id.encode())

    task = Task.decode(
        (await records(kafka, [DISPATCH], lambda all_: sent.message_id.encode() in (all_[-1].value or b"")))[
            -1
        ].value
    )
    fact = decode_fact((await records(kafka, [topics.EVENTS], told_of_it))[-1].value)
    assert isinstance(fact, Routed)
    assert fact.sender == task.sender
    return task.sender, fact.reason


async def test_recipients_keep_their_number_through_a_wipe_though_the_pool_has_grown(
    run: Callable[..., Service],
    kafka_settings: KafkaSettings,
    publish: Publish,
    store: Valkey,
    use_case: str,
) -> None:
    """`views` must not wait for `route` here, as it does for its rows: `route` waits for it."""
    await publish([*directory_entries(), *entries(use_case, POOL[:1], 1)])
    services = [run(name, HELIO_REDIS__URL=store.url) for name in ("route", "fold", "views")]
    for service in services:
        await asyncio.to_thread(service.wait_ready)
    first, _ = await routed(kafka_settings, publish, use_case)
    assert first == POOL[0]
    await publish([told(use_case, first)])
    await publish(entries(use_case, POOL, 2)[1:])
    await grown(kafka_settings, publish, use_case)
    wipe(store)
    sender, reason = await routed(kafka_settings, publish, use_case)
    assert (sender, reason.partition(":")[0]) == (first, "sticky")


async def grown(kafka: KafkaSettings, publish: Publish, use_case: str) -> None:
    """Wait until `route` has the larger pool: some stranger gets another number than the first one."""
    async with asyncio.timeout(60):
        for n in range(1000):
            plain = message(str(uuid4()))
            content = plain.content.model_copy(
                update={"from_number": None, "use_case_id": use_case, "to_number": f"+447400{n:06d}"}
            )
            sent = plain.model_copy(update={"content": content})
            await publish(of_message(sent))
            key = sent.message_id.encode()
            found = await records(kafka, [topics.EVENTS], lambda all_, key=key: all_[-1].key == key)  # type: ignore[misc]  # bound on purpose
            fact = decode_fact(found[-1].value)
            if isinstance(fact, Routed) and fact.sender != POOL[0]:
                return
