"""Our producers bear a cluster without leaders, and one that nobody can reach; aiokafka's own do not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import LeaderNotAvailableError

from broker.patience import patient_producer
from tests.conftest import Broker

pytestmark = pytest.mark.broker
#: Records older than this are given up where nobody leads their partition.
GIVEN_UP_SECONDS = 0.5
Make = Callable[[AIOKafkaProducer], AIOKafkaProducer]


def naive(made: AIOKafkaProducer) -> AIOKafkaProducer:
    return made


@asynccontextmanager
async def producer(kafka: Broker, make: Make) -> AsyncIterator[tuple[AIOKafkaProducer, str]]:
    """A started producer that knows a topic, and that topic."""
    topic = f"patience-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    made = make(
        AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers,
            enable_idempotence=True,
            request_timeout_ms=round(GIVEN_UP_SECONDS * 1000),
        )
    )
    await made.start()
    try:
        async with asyncio.timeout(30):
            await made.send_and_wait(topic, b"first")
        yield made, topic
    finally:
        await made.stop()


@asynccontextmanager
async def without_leaders(made: AIOKafkaProducer) -> AsyncIterator[None]:
    """What a broker tells that is being stopped in order."""
    cluster = made.client.cluster
    known = cluster.leader_for_partition
    cluster.leader_for_partition = lambda _: -1
    try:
        yield
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


async def late_record(kafka: Broker, make: Make) -> None:
    """A record that is sent while nobody leads its partition, for longer than it is kept by itself."""
    async with producer(kafka, make) as (made, topic):
        async with without_leaders(made):
            sent = await made.send(topic, b"late")
            await asyncio.wait({asyncio.ensure_future(sent)}, timeout=4 * GIVEN_UP_SECONDS)
        async with asyncio.timeout(30):
            await sent
            await made.send_and_wait(topic, b"last")


async def test_a_record_is_kept_while_nobody_leads_its_partition(kafka: Broker) -> None:
    await late_record(kafka, patient_producer)


async def test_a_plain_producer_gives_it_up(kafka: Broker) -> None:
    with pytest.raises(LeaderNotAvailableError):
        await late_record(kafka, naive)


async def tries_in_a_second(kafka: Broker, make: Make) -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs each of them
    async with producer(kafka, make) as (made, topic):
        async with without_leaders(made), out_of_reach(made) as tries:
            sent = await made.send(topic, b"late")
            await asyncio.sleep(1)  # so long it is left alone
            found = len(tries)
        async with asyncio.timeout(30):
            await asyncio.wait({asyncio.ensure_future(sent)})
        assert make is naive or sent.exception() is None
        return found


async def test_a_broker_out_of_reach_is_tried_with_pauses(kafka: Broker) -> None:
    """Some ten times a second for each that asks; a plain one spins."""
    patient, plain = await tries_in_a_second(kafka, patient_producer), await tries_in_a_second(kafka, naive)
    assert patient < 100 < plain
