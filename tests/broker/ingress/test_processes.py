"""`python -m ingress api|intake` as processes: ready, stopped cleanly, refusing what they cannot work on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cli.local.kafka import Kafka
from cli.local.ports import choose
from schemas.settings import Settings
from tests.broker.ingress.reading import Reading
from tests.conftest import ROOT
from tests.fakes import world

pytestmark = pytest.mark.broker
BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
DEADLINE_SECONDS = 60


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


@pytest.mark.parametrize(
    ("door", "name", "value", "sentence"),
    [
        ("api", "HELIO_TOPICS__PARTITIONS", "8", "topic sms.messages.v1 has 4 partitions, not 8"),
        ("intake", "HELIO_TOPICS__ORGANIZATIONS", '["new"]', "topic sms.requests.new.v1 is missing"),
    ],
)
def test_a_topic_that_is_missing_or_differs_is_named(
    door: str, name: str, value: str, sentence: str, *, settings: Settings, tmp_path: Path
) -> None:
    with process(door, settings, tmp_path, **{name: value}) as started:
        assert started.wait(DEADLINE_SECONDS) == 74
    assert sentence in (tmp_path / "log").read_text()
    assert not (tmp_path / "ready").exists()
