"""Our clients bear a cluster without leaders, and one that nobody can reach; aiokafka's own do not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import LeaderNotAvailableError

from broker.patience import patient_consumer, patient_producer
from tests.conftest import Broker

pytestmark = pytest.mark.broker
#: Records older than this are given up where nobody leads their partition.
GIVEN_UP_SECONDS = 0.5
#: It passes only where something hangs.
DEADLINE = 60
#: So many looks at an old record show that it is kept.
LOOKS = 5
#: Between two tries of a broker: far longer than so many turns of the loop take.
PAUSE_MS, TURNS = 2_000, 5_000
Make = Callable[[AIOKafkaProducer], AIOKafkaProducer]
MakeReader = Callable[[AIOKafkaConsumer], AIOKafkaConsumer]


def naive(made: Any) -> Any:
    return made


async def new_topic(kafka: Broker) -> str:
    topic = f"patience-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    return topic


@asynccontextmanager
async def producer(
    kafka: Broker, make: Make, retry_backoff_ms: int = 100
) -> AsyncIterator[tuple[AIOKafkaProducer, str]]:
    """A started producer that knows a topic with its leader, and that topic."""
    topic = await new_topic(kafka)
    plain = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, enable_idempotence=True, retry_backoff_ms=retry_backoff_ms
    )
    # As a short request timeout would, which requests would have to keep as well.
    plain._message_accumulator._batch_ttl = GIVEN_UP_SECONDS
    made = make(plain)
    await made.start()
    try:
        async with asyncio.timeout(DEADLINE):
            await made.partitions_for(topic)
            while made.client.cluster.leader_for_partition(TopicPartition(topic, 0)) in {None, -1}:
                await made.client.force_metadata_update()
            await made.send_and_wait(topic, b"first")
        yield made, topic
    finally:
        await made.stop()


@asynccontextmanager
async def without_leaders(made: AIOKafkaProducer) -> AsyncIterator[list[float]]:
    """What a broker tells that is being stopped in order; when it was looked up (by the loop's clock)."""
    cluster, looks = made.client.cluster, list[float]()
    known = cluster.leader_for_partition

    def nobody(_: object) -> int:
        looks.append(asyncio.get_running_loop().time())
        return -1

    cluster.leader_for_partition = nobody
    try:
        yield looks
    finally:
        cluster.leader_for_partition = known


@asynccontextmanager
async def out_of_reach(made: AIOKafkaProducer) -> AsyncIterator[list[int]]:
    """No connection can be made; the node of each try."""
    tries: list[int] = []
    connect = made.client._get_conn

    async def fail(node: int, **_: Any) -> None:
        tries.append(node)

    made.client._get_conn = fail
    try:
        yield tries
    finally:
        made.client._get_conn = connect


@asynccontextmanager
async def without_brokers(made: AIOKafkaConsumer) -> AsyncIterator[asyncio.Event]:
    """What a broker tells that is not back among its own: there are none. Set once that was told."""
    told = asyncio.Event()
    client = made._client
    get_conn = client._get_conn

    class Fenced:
        """A connection to it."""

        brokers = ()

        async def send(self, _: object) -> "Fenced":
            told.set()
            return self

    async def connect(*_: Any, **__: Any) -> Fenced:
        return Fenced()

    client._get_conn = connect
    try:
        yield told
    finally:
        client._get_conn = get_conn


async def late_record(kafka: Broker, make: Make) -> None:
    """A record that is sent while nobody leads its partition, for longer than it is kept by itself."""
    async with producer(kafka, make) as (made, topic), asyncio.timeout(DEADLINE):
        async with without_leaders(made) as looks:
            sent = await made.send(topic, b"late")
            old_at = asyncio.get_running_loop().time() + GIVEN_UP_SECONDS
            # It is given up where its leader is looked up, by the first look of the sender when it is old.
            while not sent.done() and sum(look > old_at for look in looks) < LOOKS:  # noqa: ASYNC110  # not ours to set
                await asyncio.sleep(0.01)
        await sent
        await made.send_and_wait(topic, b"last")


async def test_a_record_is_kept_while_nobody_leads_its_partition(kafka: Broker) -> None:
    await late_record(kafka, patient_producer)


async def test_a_plain_producer_gives_it_up(kafka: Broker) -> None:
    with pytest.raises(LeaderNotAvailableError):
        await late_record(kafka, naive)


async def tries(kafka: Broker, make: Make) -> int:
    """How often a broker out of reach is tried within some turns of the loop."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs each of them
    async with producer(kafka, make, PAUSE_MS) as (made, topic), asyncio.timeout(DEADLINE):
        async with without_leaders(made), out_of_reach(made) as found:
            sent = await made.send(topic, b"late")
            while not found:  # noqa: ASYNC110  # likewise
                await asyncio.sleep(0.01)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            often = len(found)
        await asyncio.wait({sent})
        assert make is naive or sent.exception() is None
        return often


async def test_a_broker_out_of_reach_is_tried_with_pauses(kafka: Broker) -> None:
    """Once in a pause for each that asks; a plain one spins."""
    patient, plain = await tries(kafka, patient_producer), await tries(kafka, naive)
    assert patient < 100 < plain


async def partitions_after(kafka: Broker, make: MakeReader, seconds: float) -> int:
    """How many partitions a reader has that subscribed while there were no brokers, so long after."""
    topic = await new_topic(kafka)
    made = make(AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=None))
    async with made:
        async with without_brokers(made) as told:
            made.subscribe([topic])
            await told.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await made._subscription.wait_for_assignment()
        return len(made.assignment())


async def test_a_reader_gets_its_partitions_once_there_are_brokers(kafka: Broker) -> None:
    """A plain one looks for them every five minutes."""
    assert await partitions_after(kafka, patient_consumer, 30) == 1
    assert await partitions_after(kafka, naive, 2) == 0
