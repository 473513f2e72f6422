"""A burst on one organization's topic does not stand before another's records (P11).

Intake and route run as in service. What is asserted is the order: how much of the burst went in while
another's record waited. `HELIO_TEST_BURST=100000` makes it longer; with `-s` it says how long that took.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from cli.local.kafka import Kafka
from ingress.turns import SHARE
from schemas import topics
from schemas.messages import Message, decode_message
from schemas.settings import Settings
from tests.broker.ingress.reading import Reading
from tests.broker.ingress.test_intake import GLOBEX, Producer, having
from tests.broker.ingress.test_processes import process, until_ready
from tests.conftest import ROOT
from tests.fakes import world

pytestmark = pytest.mark.broker
MANY = int(os.environ.get("HELIO_TEST_BURST", "20000"))
#: Another organization's records, one after the other, while the burst goes in.
OTHERS = 10
#: Of the burst, while one of them waited: some turns. Whoever stands behind it waits for nearly all of it.
MOST = 6 * SHARE


@contextmanager
def routing(settings: Settings, folder: Path) -> Iterator[None]:
    """Route, ready."""
    folder.mkdir()
    environment = {
        **os.environ,
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "HELIO_REDIS__URL": settings.redis.url,
        "HELIO_READY_FILE": str(folder / "ready"),
    }
    with (folder / "log").open("w+") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "streams", "route"], env=environment, cwd=ROOT, stderr=log, text=True
        )
        try:
            until_ready(folder, started)
            yield
        finally:
            started.kill()
            started.wait()


def own(found: Reading, number: int) -> list[int]:
    """When another's record number so and so came in and was let in, milliseconds; empty while it was not."""
    said = f"other {number}".encode()
    for record in found.records:
        if record.topic == topics.MESSAGES and said in (record.value or b""):  # to decode all takes long
            message = decode_message(record.value)
            if isinstance(message, Message) and message.content.text == f"other {number}":
                return [message.content.accepted_at, record.timestamp]
    return []


def has_come(number: int, found: Reading) -> bool:
    return bool(own(found, number))


def burst(found: Reading, word: str) -> list[int]:
    """When each record of the burst that has been let in was."""
    said = word.encode()
    return [r.timestamp for r in found.records if r.topic == topics.MESSAGES and said in (r.value or b"")]


async def test_a_burst_of_one_organization_does_not_delay_another(
    settings: Settings, tmp_path: Path, own_kafka: Kafka, reading: Reading
) -> None:
    word = f"burst {time.time_ns()}"
    producer, others = Producer(own_kafka), Producer(own_kafka)
    with routing(settings, tmp_path / "route"), process("intake", settings, tmp_path) as started:
        until_ready(tmp_path, started)
        values = [having(message=f"{word} {number}") for number in range(MANY)]
        handing_in = asyncio.create_task(asyncio.to_thread(producer.send, *values))
        await reading.until(lambda found: len(burst(found, word)) > 0)
        waits = []
        for number in range(OTHERS):
            value = having(from_phone_number=world.OTHERS, message=f"other {number}")
            await asyncio.to_thread(others.send, value, topic=GLOBEX)
            await reading.until(partial(has_come, number))
            waits.append(own(reading, number))
        await handing_in
        let_in = burst(reading, word)
        # The next test finds nothing of it.
        await reading.until(lambda found: len(burst(found, word)) == MANY)
    between = [sum(came < at <= went for at in let_in) for came, went in waits]
    print(f"\nburst of {MANY}, {len(let_in)} let in meanwhile; others waited (ms, records of it):")
    print([(went - came, count) for (came, went), count in zip(waits, between, strict=True)])
    assert max(between) < MOST
