"""A service whose client hangs ends, to be started anew; one whose broker is away waits."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from broker import clients
from broker.publish import Outgoing, publisher
from broker.topics import create
from cli.local.child import Child
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from cli.local.process import Process
from cli.local.table import SERVICES
from directory.apply import apply
from schemas import topics
from schemas.exits import Exit
from schemas.settings import KafkaSettings, TopicSettings
from schemas.waiting import Ticket
from tests.conftest import ROOT, Store
from tests.fakes import world

pytestmark = pytest.mark.broker
#: A group that lost a member is joined within the session.
SESSION_SECONDS, STALL_SECONDS = 3, 6
GROUPS = ["ingress-intake", "streams-views", "streams-waiting", "dispatchers-twilio"]


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Kafka]:
    data = tmp_path_factory.mktemp("stall-kafka")
    broker = Kafka(data, port=choose(), controller_port=choose(), cache=jar_cache, jvm=QUICK_JVM)
    broker.start()
    try:
        broker.wait_ready()
        asyncio.run(prepare(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)))
        yield broker
    finally:
        broker.stop()


async def prepare(kafka: KafkaSettings) -> None:
    await create(kafka, TopicSettings(partitions=1))
    await apply(kafka, world.FILE, now=1)


@pytest.fixture
def hung(tmp_path: Path) -> Path:
    """Where it lies, clients hang."""
    return tmp_path / "hung"


@pytest.fixture
def start(own_kafka: Kafka, valkey: Store, tmp_path: Path, hung: Path) -> Iterator["Start"]:
    with ExitStack() as stack:
        yield Start(own_kafka, valkey, tmp_path, hung, stack)


class Start:
    """Starts services that hang once they are told to."""

    def __init__(self, kafka: Kafka, store: Store, folder: Path, hung: Path, stack: ExitStack) -> None:
        self._env = {
            "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "HELIO_KAFKA__SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            "HELIO_KAFKA__STALL_SECONDS": str(STALL_SECONDS),
            "HELIO_REDIS__URL": store.url,
            "HELIO_TOPICS__PARTITIONS": "1",
            "PYTHONPATH": str(ROOT),
        }
        self._folder = folder
        self._hung = hung
        self._stack = stack

    def __call__(self, name: str, guard: str = "with") -> Child:
        ready = self._folder / f"{name}-{guard}.ready"
        argv = (sys.executable, str(ROOT / "tests/broker/hanging.py"), str(self._hung), guard)
        process = Process(
            name,
            (*argv, *SERVICES[name]),
            {**self._env, "HELIO_READY_FILE": str(ready)},
            ready_file=ready,
        )
        child = Child(process, self._folder / f"{name}-{guard}.log")
        child.start()
        self._stack.callback(child.kill)
        child.wait_ready()
        return child


async def test_every_service_whose_client_hangs_ends_to_be_started_anew(start: Start, hung: Path) -> None:
    """And is still there, doing nothing, without the guard."""
    naive = start("streams-waiting", "without")
    services = [start(name) for name in GROUPS]
    await asyncio.to_thread(hung.touch)
    async with asyncio.timeout(60):
        codes = await asyncio.gather(*(asyncio.to_thread(service.wait) for service in services))
    assert codes == [Exit.CRASH] * len(services), "\n".join(service.tail() for service in services)
    assert naive.alive


async def test_a_broker_that_is_away_for_long_is_waited_for(
    start: Start, hung: Path, own_kafka: Kafka
) -> None:
    """A new process could do no better, and what this one has in flight would be lost with it."""
    service = start("streams-waiting")
    pid = service.pid
    own_kafka.pause()
    try:
        # Not every call of the client waits for the broker; this one is to.
        await asyncio.to_thread(hung.touch)
        # Each such look came after half of the time that a loop may stand still.
        await until_logged(service, "stall.away", 2)
        await asyncio.to_thread(hung.unlink)
    finally:
        own_kafka.resume()
    assert await moved(KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers)) == b"on"
    assert service.pid == pid


async def until_logged(service: Child, words: str, times: int) -> None:
    async with asyncio.timeout(120):
        while service.log.read_text().count(words) < times:
            assert service.alive, service.tail()
            await asyncio.sleep(0.1)


async def moved(kafka: KafkaSettings) -> bytes | None:
    """What comes of a record that has to wait."""
    async with clients.producer(kafka) as producer, clients.reader(kafka) as reader:
        reader.assign([TopicPartition(topics.INBOUND, 0)])
        ticket = Ticket(due=0, topic=topics.INBOUND, key=b"k")
        await publisher(producer)([Outgoing(topics.WAITING[10_000], b"id", b"on", ticket.headers())])
        async with asyncio.timeout(60):
            value: bytes | None = (await reader.getone()).value
            return value
