"""`python -m ingress api|intake` as processes: ready, stopped cleanly, refusing what they cannot work on."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp
import httpx
import pytest

from cli.local.kafka import Kafka
from cli.local.ports import choose
from schemas import ids
from schemas.settings import Settings
from tests.broker.ingress.reading import Reading
from tests.conftest import ROOT
from tests.fakes import world

pytestmark = pytest.mark.broker
BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
DEADLINE_SECONDS = 60


class Said(NamedTuple):
    """An answer of `POST /sms/send`."""

    status: int
    body: bytes
    replayed: bool


Sends = Callable[[int, dict[str, Any]], Awaitable[Said]]


@contextmanager
def process(
    door: str, settings: Settings, folder: Path, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """The process, ended at the end of the block."""
    environment = {
        **os.environ,
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "HELIO_REDIS__URL": settings.redis.url,
        "HELIO_INTAKE__OWNER": "acme",
        "HELIO_READY_FILE": str(folder / "ready"),
        **environment,
    }
    with (folder / "log").open("w+") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "ingress", door], env=environment, cwd=ROOT, stderr=log, text=True
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()


@asynccontextmanager
async def caller(*doors: str) -> AsyncIterator[Sends]:
    """Who sends over as many connections as needed: request number n goes to door n modulo their count."""
    headers = {"Authorization": f"Bearer {world.KEY}"}
    timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(limit=0), timeout=timeout
    ) as session:

        async def send(number: int, body: dict[str, Any]) -> Said:
            async with session.post(f"{doors[number % len(doors)]}/sms/send", json=body) as answer:
                return Said(answer.status, await answer.read(), "Idempotent-Replayed" in answer.headers)

        yield send


@pytest.mark.usefixtures("whole_view")
async def test_of_2000_at_once_with_one_key_on_two_processes_one_is_produced(
    settings: Settings, tmp_path: Path, reading: Reading
) -> None:
    """Without the hold, those that come before the first row are all produced: hundreds of them."""
    count, ports = 2000, [choose()]
    ports.append(choose(taken=ports))
    with ExitStack() as stack:
        doors = []
        for port in ports:
            folder = tmp_path / str(port)
            folder.mkdir()
            started = stack.enter_context(process("api", settings, folder, HELIO_INGRESS__PORT=str(port)))
            until_ready(folder, started)
            doors.append(f"http://127.0.0.1:{port}")
        body = {**BODY, "idempotency_key": uuid4().hex}
        async with caller(*doors) as send:
            answers = await asyncio.gather(*(send(number, body) for number in range(count)))
            last = await send(0, body)
    await reading.to_the_end()
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.body for answer in answers if answer.status == 200} == {last.body}
    assert sum(answer.status == 200 and not answer.replayed for answer in answers) == 1
    assert [message.message_id for message in reading.messages()] == [
        ids.of_key("acme", body["idempotency_key"])
    ]


@pytest.mark.usefixtures("whole_view")
async def test_killed_between_produce_and_answer_a_repeat_is_the_same_message(
    settings: Settings, tmp_path: Path, reading: Reading
) -> None:
    """SIGKILL amid many requests: some were answered, some produced and not answered, some neither.

    A key that is free for any content after it, or an id that is drawn anew, makes two messages of one key.
    """
    count, port = 300, choose()
    # A hold ends by itself after the produce timeout and 5 s: this is what the repeats wait for.
    environment = {"HELIO_INGRESS__PORT": str(port), "HELIO_INGRESS__PRODUCE_TIMEOUT_SECONDS": "1"}
    bodies = [{**BODY, "message": f"Text {n}", "idempotency_key": uuid4().hex} for n in range(count)]
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    async with caller(f"http://127.0.0.1:{port}") as send:
        with process("api", settings, tmp_path / "first", **environment) as started:
            until_ready(tmp_path / "first", started)
            # A few at a time, so that at each moment some are at every stage.
            numbers = iter(range(count))
            answered: dict[int, Said] = {}

            async def work() -> None:
                for n in numbers:
                    answered[n] = await send(0, bodies[n])
                    if len(answered) == count // 2:
                        started.send_signal(signal.SIGKILL)

            await asyncio.gather(*(work() for _ in range(40)), return_exceptions=True)
    assert count // 2 <= len(answered) < count, "the kill came too late: this run shows nothing"
    # New connections: those to the killed process would break under the first requests to the next one.
    async with caller(f"http://127.0.0.1:{port}") as send:
        with process("api", settings, tmp_path / "second", **environment) as started:
            until_ready(tmp_path / "second", started)
            conflict = await send(0, {**bodies[0], "message": "Other"})
            again = await asyncio.gather(*(until_taken(send, body) for body in bodies))
    await reading.to_the_end()
    assert conflict.status in (409, 422)
    for n, said in answered.items():
        assert said.status == 200
        assert (again[n].body, again[n].replayed) == (said.body, True)
    expected = {ids.of_key("acme", body["idempotency_key"]): body["message"] for body in bodies}
    assert [json.loads(said.body)["message_id"] for said in again] == list(expected)
    texts = {message.message_id: message.content.text for message in reading.messages()}
    assert texts == expected


async def until_taken(send: Sends, body: dict[str, Any]) -> Said:
    """As a caller does it: again after a second (`Retry-After`) while the key is in flight."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            said = await send(0, body)
            if said.status != 409:
                return said
            await asyncio.sleep(1)


def until_ready(folder: Path, started: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not (folder / "ready").exists():
        assert started.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end
        time.sleep(0.05)


def until_gone(path: Path) -> None:
    """The file of an earlier run is not taken for this one's."""
    end = time.monotonic() + DEADLINE_SECONDS
    while path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


async def test_api_answers_and_stops_when_told(settings: Settings, tmp_path: Path, reading: Reading) -> None:
    port = choose()
    (tmp_path / "ready").touch()
    with process("api", settings, tmp_path, HELIO_INGRESS__PORT=str(port)) as started:
        url = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {world.KEY}"}
        until_gone(tmp_path / "ready")
        until_ready(tmp_path, started)
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            answer = await client.post("/sms/send", json=BODY)
            ready = await client.get("/readyz")
        assert answer.status_code == 200
        assert ready.json()["checks"]["directory"] == "ok"
        await reading.until(lambda found: len(found.records) == 1)
        started.send_signal(signal.SIGTERM)
        assert started.wait(DEADLINE_SECONDS) == 0


async def test_intake_takes_records_and_stops_when_told(
    settings: Settings, tmp_path: Path, own_kafka: Kafka, reading: Reading
) -> None:
    import confluent_kafka

    port = choose()
    with process("intake", settings, tmp_path, HELIO_INTAKE__PORT=str(port)) as started:
        until_ready(tmp_path, started)
        producer = confluent_kafka.Producer({"bootstrap.servers": own_kafka.bootstrap_servers})
        producer.produce("sms.requests.v1", json.dumps(BODY))
        assert producer.flush(30) == 0
        await reading.until(lambda found: len(found.messages()) == 1)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/readyz")).status_code == 200
            assert "helio_intake_records_total" in (await client.get("/metrics")).text
        started.send_signal(signal.SIGTERM)
        assert started.wait(DEADLINE_SECONDS) == 0


@pytest.mark.parametrize(("door", "topic"), [("api", "sms.messages.v1"), ("intake", "sms.requests.v1")])
def test_a_topic_that_is_missing_or_differs_is_named(
    door: str, topic: str, *, settings: Settings, tmp_path: Path
) -> None:
    with process(door, settings, tmp_path, HELIO_TOPICS__PARTITIONS="8") as started:
        assert started.wait(DEADLINE_SECONDS) == 74
    assert f"topic {topic} has 4 partitions, not 8" in (tmp_path / "log").read_text()
    assert not (tmp_path / "ready").exists()
