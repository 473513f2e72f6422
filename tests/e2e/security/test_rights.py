"""A broker that gives the rights of deploy/acls.md and no others: the platform works, nobody does more."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cli.acls import Right
from cli.local import table
from cli.local.child import Child
from cli.local.process import Process
from cli.local.stack import Stack
from schemas import topics
from schemas.dead_letters import dead_letter
from schemas.exits import Exit
from tests.conftest import ROOT
from tests.fakes.rights import PRINCIPALS, TOLD, bindings
from tests.fakes.secured import Secured, secured

pytestmark = pytest.mark.e2e
DEADLINE_SECONDS = 60
HANDSET = "+12025550143"
PASSWORD = "of everybody"


def environment(cluster: Secured, principal: str) -> dict[str, str]:
    """What makes a process of ours come as `principal`."""
    return table.environment(
        {
            "kafka": {
                "bootstrap_servers": cluster.login,
                "security_protocol": "SASL_SSL",
                "ssl_ca_file": str(cluster.authority.certificate),
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": principal,
                "sasl_password": PASSWORD,
            }
        }
    )


def client(cluster: Secured, principal: str, **more: Any) -> dict[str, Any]:
    """The same for librdkafka."""
    return {
        "bootstrap.servers": cluster.login,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(cluster.authority.certificate),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": principal,
        "sasl.password": PASSWORD,
        **more,
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("rights"), jar_cache, {}) as found:
        found.add_users(dict.fromkeys(PRINCIPALS, PASSWORD))
        found.grant(bindings(TOLD))
        yield found


@pytest.fixture(scope="module")
def stack(cluster: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every service under a principal of its own; topics and directory made by the operator's."""
    own = {name: environment(cluster, f"helio-{name}") for name in table.SERVICES}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(cluster, "helio-operator").items():
            patch.setenv(name, value)
        with Stack(tmp_path_factory.mktemp("rights-stack"), env=own, documented_ports=False) as running:
            yield running


def test_every_service_has_rights_of_its_own() -> None:
    assert {f"helio-{name}" for name in table.SERVICES} <= set(PRINCIPALS)


def ended(stack: Stack, message_id: str) -> str:
    """The state in which the message ends."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with httpx.Client(
        base_url=stack.run.ingress, headers={"Authorization": f"Bearer {stack.run.api_key}"}
    ) as api:
        state = ""
        while state not in {"delivered", "failed", "undelivered"}:
            assert time.monotonic() < deadline, f"{message_id} is {state or 'unknown'}"
            answer = api.get(f"/sms/{message_id}/status")
            state = answer.json()["state"] if answer.status_code == 200 else ""
            time.sleep(0.1)
    return state


def test_a_message_through_each_provider_is_delivered(stack: Stack) -> None:
    sent = [
        httpx.post(
            f"{stack.run.ingress}/sms/send",
            json={"from_phone_number": sender, "to_phone_number": HANDSET, "message": "Hello"},
            headers={"Authorization": f"Bearer {stack.run.api_key}", "Idempotency-Key": f"rights-{sender}"},
        )
        for sender in stack.run.senders[:3]
    ]
    ids = [answer.raise_for_status().json()["message_id"] for answer in sent]
    assert [ended(stack, message_id) for message_id in ids] == ["delivered"] * 3


def test_a_cancel_and_an_opt_out_find_their_topics(stack: Stack) -> None:
    key = {"Authorization": f"Bearer {stack.run.api_key}"}
    later = {
        "from_phone_number": stack.run.senders[0],
        "to_phone_number": HANDSET,
        "message": "Later",
        "send_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    with httpx.Client(base_url=stack.run.ingress, headers=key) as api:
        message_id = api.post("/sms/send", json=later).raise_for_status().json()["message_id"]
        api.delete(f"/sms/{message_id}").raise_for_status()
        api.post("/v1/optouts", json={"number": "+12025550144"}).raise_for_status()


# -- a tenant's producer


def produced(cluster: Secured, principal: str, value: bytes, *names: str) -> Mapping[str, KafkaError | None]:
    """What the client is told of a record on each of these topics."""
    told: dict[str, KafkaError | None] = {}
    producer = Producer(client(cluster, principal, **{"message.timeout.ms": 20_000}))
    for name in names:
        producer.produce(name, value, on_delivery=lambda error, _, name=name: told.update({name: error}))
    assert producer.flush(30) == 0
    return told


def test_a_tenants_producer_sends_on_its_own_topic(stack: Stack, cluster: Secured) -> None:
    reference = uuid.uuid4().hex
    value = {
        "from_phone_number": stack.run.senders[0],
        "to_phone_number": HANDSET,
        "message": "From Kafka",
        "reference": reference,
    }
    own = topics.requests_of("acme")
    assert produced(cluster, "acme-producer", json.dumps(value).encode(), own) == {own: None}
    assert told_of(cluster, reference) == "delivered"


def told_of(cluster: Secured, reference: str) -> str:
    """The last word of the status topic, as a subscriber reads it."""
    group = {"group.id": "platform-subscriber-1", "auto.offset.reset": "earliest"}
    subscriber = Consumer(client(cluster, "platform-subscriber", **group))
    subscriber.subscribe([topics.STATUS])
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        while time.monotonic() < deadline:
            record = subscriber.poll(1)
            if record is None or record.error() is not None:
                continue
            status = json.loads(record.value())
            if status.get("reference") == reference and status["status"] in {"delivered", "failed"}:
                return str(status["status"])
    finally:
        subscriber.close()
    raise AssertionError("it did not end")


@pytest.mark.usefixtures("stack")
def test_it_writes_nowhere_else(cluster: Secured) -> None:
    others = (
        topics.REQUESTS,
        topics.requests_of("globex"),
        topics.MESSAGES,
        topics.EVENTS,
        topics.STATUS,
        topics.INBOUND,
        topics.OPTOUTS,
        topics.DIRECTORY,
        "sms.dispatch.twilio.queued.v1",
        "sms.waiting.10s.v1",
        "sms.requests.dlq.v1",
    )
    told = produced(cluster, "acme-producer", b"{}", *others)
    codes = {name: None if error is None else error.code() for name, error in told.items()}
    assert codes == dict.fromkeys(others, KafkaError.TOPIC_AUTHORIZATION_FAILED)


def read(cluster: Secured, group: str, begin: Callable[[Consumer], None]) -> Iterator[int]:
    """The codes of the errors that a consumer is told: it asks for group and topics at the same time."""
    consumer = Consumer(client(cluster, "acme-producer", **{"group.id": group}))
    begin(consumer)
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        while time.monotonic() < deadline:
            record = consumer.poll(1)
            if record is not None:
                error = record.error()
                assert error is not None, "it was given a record"
                yield int(error.code())
    finally:
        consumer.close()


@pytest.mark.usefixtures("stack")
def test_it_reads_nothing_and_joins_no_group(cluster: Secured) -> None:
    own = topics.requests_of("acme")
    begin = methodcaller("assign", [TopicPartition(own, 0, 0)])
    assert KafkaError.TOPIC_AUTHORIZATION_FAILED in read(cluster, "acme-own", begin)
    # What it may not see it is told nothing of: not even where it lies.
    asking = Consumer(client(cluster, "acme-producer", **{"group.id": "acme-own"}))
    for topic in (topics.STATUS, topics.INBOUND, topics.requests_of("globex")):
        error = asking.list_topics(topic, timeout=30).topics[topic].error
        assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, topic
    asking.close()
    for group in ("acme-own", topics.INTAKE_GROUP, topics.ROUTE_APP):
        begin = methodcaller("subscribe", [own])
        assert KafkaError.GROUP_AUTHORIZATION_FAILED in read(cluster, group, begin), group


@pytest.mark.usefixtures("stack")
def test_it_sees_its_topic_alone_and_makes_none(cluster: Secured) -> None:
    admin = AdminClient(client(cluster, "acme-producer"))
    assert set(admin.list_topics(timeout=30).topics) == {topics.requests_of("acme")}
    for name in ("acme.of.its.own", topics.requests_of("mallory")):
        (made,) = admin.create_topics([NewTopic(name, 1, 1)]).values()
        with pytest.raises(KafkaException) as refused:
            made.result(30)
        assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


# -- the tools


def helio(stack: Stack, cluster: Secured, principal: str, *arguments: str) -> list[Any]:
    """What a command that ends well says, as JSON lines."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, **environment(cluster, principal), "HELIO_REDIS__URL": stack.run.redis},
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    assert told, done.stderr.decode()
    return told


def test_a_tail_follows(stack: Stack, cluster: Secured) -> None:
    (record,) = helio(stack, cluster, "helio-tail", "tail", "--from-beginning", "--limit", "1")
    assert record["message_id"]


def letter(stack: Stack, cluster: Secured, topic: str) -> str:
    """A dead letter of `topic`, as `helio dlq` names it."""
    made = dead_letter(
        topic=topic,
        partition=0,
        offset=0,
        timestamp_ms=time.time_ns() // 1_000_000,
        key=b"1",
        value=b"not for us",
        headers=[],
        reason="a test",
    )
    producer = Producer({"bootstrap.servers": cluster.plain})
    producer.produce(made.topic, made.value, made.key, headers=list(made.headers))
    assert producer.flush(30) == 0
    listed = helio(stack, cluster, "helio-dlq", "dlq", "list", "--topic", made.topic, "--origin", topic)
    return str(listed[0]["letter"])


def test_letters_are_replayed_and_dropped_and_nothing_told_to_subscribers(
    stack: Stack, cluster: Secured, tmp_path: Path
) -> None:
    reference = uuid.uuid4().hex
    content = {"from_phone_number": stack.run.senders[0], "to_phone_number": HANDSET, "message": "Mended"}
    mended = tmp_path / "mended"
    mended.write_text(json.dumps({**content, "reference": reference}))
    request = letter(stack, cluster, topics.requests_of("acme"))
    helio(stack, cluster, "helio-dlq", "dlq", "replay", request, "--value-from", str(mended), "--yes")
    assert told_of(cluster, reference) == "delivered"
    for topic in (topics.STATUS, topics.INBOUND):
        place = letter(stack, cluster, topic)
        (done,) = helio(stack, cluster, "helio-dlq", "dlq", "drop", place, "--yes")
        assert done["dropped"] == [place]
        error = produced(cluster, "helio-dlq", b"{}", topic)[topic]
        assert error is not None
        assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_doctor_looks_at_everything(stack: Stack, cluster: Secured) -> None:
    letter(stack, cluster, topics.EVENTS)
    doors = ["--url", stack.run.ingress, "--webhooks-url", stack.run.webhooks]
    (told,) = helio(stack, cluster, "helio-doctor", "doctor", *doors)
    seen = {"broker", "topics", "clocks", "directory", "services", "dead letters"}
    findings = [one for one in told["findings"] if one["check"] in seen]
    assert {one["check"] for one in findings} == seen, told
    (found,) = [one for one in findings if not one["ok"]]
    assert "1 records of events could not be read" in found["said"]


# -- no row is for nothing


#: Rights whose owner notices at once that it lacks them.
SAMPLES: Mapping[str, Right] = {
    right.principal: right
    for right in (
        Right("helio-streams-fold", "group", topics.FOLD_APP, "literal", "Read"),
        Right("helio-streams-views", "topic", topics.OPTOUTS, "literal", "Read"),
        Right("helio-streams-route", "topic", topics.DIRECTORY, "literal", "Read"),
        Right("helio-ingress-intake", "group", topics.ROUTE_APP, "literal", "Describe"),
        Right("helio-dispatchers-vonage", "group", "helio-dispatch-vonage", "literal", "Read"),
        Right("helio-webhooks", "topic", topics.DIRECTORY, "literal", "DescribeConfigs"),
    )
}


def test_who_lacks_a_right_ends_with_a_sentence(stack: Stack, cluster: Secured, tmp_path: Path) -> None:
    """In a second process each, as a supervisor would start it."""
    assert set(SAMPLES.values()) <= set(TOLD)
    services = {f"helio-{name}": name for name in table.SERVICES}
    cluster.withdraw(bindings(SAMPLES.values()))
    children: dict[str, Child] = {}
    try:
        for principal in SAMPLES:
            first = stack.child(services[principal]).process
            # At ports of its own: the first process keeps its.
            ports = {name: "0" for name in first.env if name.endswith("__PORT")}
            env = {**first.env, **ports, "HELIO_READY_FILE": str(tmp_path / principal)}
            children[principal] = Child(Process(principal, first.argv, env), tmp_path / f"{principal}.log")
            children[principal].start()
        codes = {principal: wait(child) for principal, child in children.items()}
    finally:
        for child in children.values():
            child.stop()
        cluster.grant(bindings(SAMPLES.values()))
    logs = {principal: (tmp_path / f"{principal}.log").read_text() for principal in SAMPLES}
    assert codes == dict.fromkeys(SAMPLES, Exit.REFUSED), logs
    assert [principal for principal, log in logs.items() if "we lack a right on" not in log] == []


def wait(child: Child) -> int | None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while child.alive and time.monotonic() < deadline:
        time.sleep(0.1)
    return child.exit_code
