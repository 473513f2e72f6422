"""`helio topics`, `apply`, `tail` and `doctor` against the real broker and store."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker import clients
from cli.commands.trouble import Exit
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from schemas import topics
from schemas.public import StatusRecord
from schemas.settings import KafkaSettings
from schemas.status import State

pytestmark = pytest.mark.broker
ROOT = Path(__file__).parents[2]
NAMES = [topic.name for topic in topics.catalogue()]

Helio = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Kafka]:
    """A broker of our own: these commands look at the whole cluster."""
    kafka = Kafka(
        tmp_path_factory.mktemp("own"),
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
def kafka_settings(own_kafka: Kafka) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers)


@pytest.fixture
def environment(own_kafka: Kafka, valkey: Any, tmp_path: Path) -> dict[str, str]:
    ours = {
        "HELIO_HOME": str(tmp_path),
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": own_kafka.bootstrap_servers,
        "HELIO_REDIS__URL": f"{valkey.url.removesuffix('/0')}/13",  # a database that no other test uses
    }
    return {**os.environ, **ours}


@pytest.fixture
def helio(environment: dict[str, str]) -> Helio:
    """Runs a command with --json: its exit code, the object that it printed, and its stderr."""

    def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
        argv = [sys.executable, "-m", "cli", *map(str, arguments), "--json"]
        done = subprocess.run(
            argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    return run


def found(told: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [finding for finding in told["findings"] if finding["check"] == check]


async def test_topics_are_made_once_and_a_difference_is_named(
    helio: Helio, kafka_settings: KafkaSettings
) -> None:
    async with clients.admin(kafka_settings) as admin:
        present = set(await admin.list_topics()) & set(NAMES)
        if present:
            await admin.delete_topics(sorted(present))
    code, told, _ = helio("topics", "--check")
    assert code == Exit.NO
    assert len(told["problems"]) == len(NAMES)
    code, told, _ = helio("doctor")
    assert code == Exit.NO
    assert all("helio topics" in finding["todo"] for finding in found(told, "topics"))
    assert helio("topics")[:2] == (Exit.DONE, {"made": NAMES, "problems": []})
    assert helio("topics")[:2] == (Exit.DONE, {"made": [], "problems": []})


@pytest.fixture
def made(helio: Helio) -> None:
    assert helio("topics")[0] == Exit.DONE


@pytest.mark.usefixtures("made")
async def test_doctor_writes_nothing_that_a_reader_sees(helio: Helio, kafka_settings: KafkaSettings) -> None:
    _, told, _ = helio("doctor")
    assert found(told, "broker")[0]["ok"], told
    assert [finding["ok"] for finding in found(told, "clocks")] == [True, True], told
    consumer = clients.reader(kafka_settings)
    consumer.subscribe([topics.REQUESTS])
    await consumer.start()
    try:
        assert not await consumer.getmany(timeout_ms=1000)
    finally:
        await consumer.stop()


@pytest.mark.usefixtures("made")
def test_doctor_names_each_worker_that_is_missing(helio: Helio) -> None:
    code, told, _ = helio("doctor")
    assert code == Exit.NO
    missing = [finding for finding in found(told, "services") if not finding["ok"]]
    assert any("dispatchers --provider vonage" in finding["said"] for finding in missing)
    assert all(finding["todo"] for finding in missing)


@pytest.mark.usefixtures("made")
def test_doctor_says_that_an_empty_ledger_holds_hand_overs(helio: Helio) -> None:
    _, told, _ = helio("doctor")
    epoch = found(told, "ledger")[-1]
    assert not epoch["ok"]
    assert "epoch" in epoch["said"]


ONE_ACCOUNT = """
organizations:
  operator:
    accounts:
      telnyx-main:
        credentials: {provider: telnyx, api_key: "env:MISSING_KEY", public_keys: ["env:PRESENT_KEY"]}
"""


@pytest.mark.usefixtures("made")
def test_apply_writes_what_differs_and_doctor_misses_the_secret(
    helio: Helio, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text(ONE_ACCOUNT)
    environment["PRESENT_KEY"] = "secret-value"
    _, told, _ = helio("apply", "-f", file, "--dry-run")
    assert told["dry_run"]
    assert [change["action"] for change in told["changes"]] == ["create"]
    assert len(helio("apply", "-f", file)[1]["changes"]) == 1
    assert helio("apply", "-f", file)[1]["changes"] == []
    _, told, _ = helio("doctor")
    (credentials,) = found(told, "credentials")
    assert not credentials["ok"]
    assert "MISSING_KEY" in credentials["said"]
    assert "secret-value" not in json.dumps(told)


@pytest.mark.usefixtures("made")
async def test_an_organizations_own_topic_is_made_checked_and_missed(
    helio: Helio, kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    file, topic = tmp_path / "directory.yaml", topics.requests_of("initech")

    def apply(*, own_topic: bool) -> Any:
        text = f"organizations: {{initech: {{defaults: {{own_topic: {str(own_topic).lower()}}}}}}}"
        file.write_text(text)
        assert helio("apply", "-f", file, "--dry-run")[1]["topics_made"] == []
        return helio("apply", "-f", file)[1]["topics_made"]

    def said() -> str:
        return " ".join(one["said"] for one in found(helio("doctor")[1], "topics"))

    assert apply(own_topic=True) == [topic]
    assert apply(own_topic=True) == []
    assert "1 organizations have a request topic of their own" in said()
    async with clients.admin(kafka_settings) as admin:
        await admin.delete_topics([topic])
    assert f"topic {topic} is missing" in said()
    assert helio("topics", "--check")[0] == Exit.NO
    assert helio("topics")[1] == {"made": [topic], "problems": []}
    async with clients.producer(kafka_settings) as producer:
        await producer.send_and_wait(topic, b"{}")
    assert apply(own_topic=False) == []
    assert f"1 records lie unread on {topic}" in said()


@pytest.mark.usefixtures("made")
def test_a_wrong_file_is_told_by_its_entity(helio: Helio, tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text(ONE_ACCOUNT.replace("telnyx-main", "Telnyx Main"))
    code, told, stderr = helio("apply", "-f", file)
    assert (code, told) == (Exit.NO, {})
    assert "Telnyx Main" in stderr


def status(message_id: str, sequence: int, state: State) -> StatusRecord:
    return StatusRecord(
        id=f"{message_id}-{sequence}",
        message_id=message_id,
        organization="clinic",
        sequence=sequence,
        status=state,
        at=1_800_000_000_000,
        accepted_at=1_800_000_000_000,
        forget_at=1_800_000_900_000,
        from_number="+12125550101",
        to_number="+12025550199",
        text="hello",
        segments=1,
        fingerprint="1:0",
    )


@pytest.mark.usefixtures("made")
async def test_tail_shows_each_transition_once(
    environment: dict[str, str], kafka_settings: KafkaSettings
) -> None:
    first, last = status("m1", 1, State.QUEUED), status("m1", 2, State.DELIVERED)
    producer = clients.producer(kafka_settings)
    await producer.start()
    try:
        for record in (first, first, status("m2", 1, State.QUEUED), last):
            await producer.send_and_wait(topics.STATUS, record.encode(), key=record.message_id.encode())
    finally:
        await producer.stop()
    options = ("--message-id", "m1", "--from-beginning", "--limit", "2", "--json")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cli", "tail", *options],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    states = [json.loads(found)["status"] for found in done.stdout.splitlines()]
    assert states == ["queued", "delivered"]


def test_no_broker_is_one_sentence(helio: Helio, environment: dict[str, str]) -> None:
    environment["HELIO_KAFKA__BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
    for command in (("topics",), ("tail",)):
        code, told, stderr = helio(*command)
        assert (code, told) == (Exit.UNREACHABLE, {})
        assert "HELIO_KAFKA__BOOTSTRAP_SERVERS" in stderr
        assert "Traceback" not in stderr
    code, told, _ = helio("doctor")
    assert code == Exit.NO
    assert not found(told, "broker")[0]["ok"]
