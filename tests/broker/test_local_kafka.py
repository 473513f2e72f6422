"""The embedded broker and store: what they acknowledged outlives SIGTERM and SIGKILL, on the same port."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose, is_free
from cli.local.valkey import Valkey

pytestmark = pytest.mark.broker
TOPIC = TopicPartition("kept", 0)


@pytest.fixture
def broker(tmp_path: Path, jar_cache: Path) -> Iterator[Kafka]:
    kafka = Kafka(
        tmp_path / "kafka",
        port=choose(),
        controller_port=choose(),
        cache=jar_cache,
        jvm=QUICK_JVM,
    )
    kafka.start()
    try:
        kafka.wait_ready()
        yield kafka
    finally:
        kafka.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", port=choose())
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def producer(broker: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC.topic, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, enable_idempotence=True
    ) as client:
        yield client


async def read(broker: Kafka, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers) as consumer:
        consumer.assign([TOPIC])
        await consumer.seek_to_beginning(TOPIC)
        async with asyncio.timeout(30):
            return [(await consumer.getone()).value for _ in range(count)]


async def test_what_was_acknowledged_outlives_both_deaths(broker: Kafka, producer: AIOKafkaProducer) -> None:
    address = broker.bootstrap_servers
    await producer.send_and_wait(TOPIC.topic, b"before SIGTERM")
    await asyncio.to_thread(broker.stop)
    assert not broker.alive
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(broker.wait_ready)
    await producer.send_and_wait(TOPIC.topic, b"before SIGKILL")
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(broker.wait_ready)
    await producer.send_and_wait(TOPIC.topic, b"after both")
    assert await read(broker, 3) == [b"before SIGTERM", b"before SIGKILL", b"after both"]
    assert broker.bootstrap_servers == address


@pytest.mark.usefixtures("producer")
async def test_clients_may_compress_with_any_codec(broker: Kafka) -> None:
    import confluent_kafka

    errors: list[object] = []
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        other = confluent_kafka.Producer(
            {"bootstrap.servers": broker.bootstrap_servers, "compression.type": codec}
        )
        other.produce(TOPIC.topic, b"x" * 1000, on_delivery=lambda error, _: errors.append(error))
        assert await asyncio.to_thread(other.flush, 20) == 0
    assert errors == [None] * 4


def test_the_store_keeps_what_it_answered(store: Valkey) -> None:
    with Redis.from_url(store.url) as client:
        client.set("claim", "sending")
        store.kill()
        store.start()
        store.wait_ready()
        assert client.get("claim") == b"sending"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_a_server_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    port = choose()
    program = (
        "import sys, pathlib\n"
        "from cli.local.valkey import Valkey\n"
        f"server = Valkey(pathlib.Path({str(tmp_path)!r}), port={port})\n"
        "server.start(); server.wait_ready(); print('ready', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        assert not is_free(port)
        os.kill(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not is_free(port):
        assert time.monotonic() < deadline, "it still listens"
