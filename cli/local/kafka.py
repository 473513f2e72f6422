"""The embedded broker: a real Apache Kafka, a KRaft node on loopback, run by the machine's Java."""

import base64
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from cli.local import jars
from cli.local.child import Child
from cli.local.ports import HOST
from cli.local.process import Process

LOG4J = Path(__file__).with_name("log4j2.properties")
METADATA_KEY, METADATA_VERSION = 3, 1

QUICK_JVM = ("-XX:TieredStopAtLevel=1",)
"""Starts sooner with less CPU; costs twice the CPU per record when busy. For tests."""

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After SIGKILL the new process is refused until the old one's registration has run out (default 9 s).
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # The cleaner's buffer is 128 MiB of heap by default.
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.io.buffer.size": "131072",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}


class Kafka(Child):
    """A node, by itself or of a cluster. Its data and its ports outlive restarts; SIGKILL loses nothing.

    Args:
        data: its folder; made when missing.
        port, controller_port: on loopback.
        node: its number in its cluster.
        controllers: the controller ports of all nodes, by number; None: it is the only one.
        cluster: the cluster's id, as `new_id` makes it; the same for all nodes. None: one of its own.
        cache: where the jars lie, or are put the first time (see `jars.fetch`).
        log: its log file; `data/kafka.log` if not given.
        heap: of the JVM, as `-Xmx` takes it.
        jvm: more options for `java`.
        settings: server properties over `SETTINGS`.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int,
        controller_port: int,
        cache: Path,
        node: int = 1,
        controllers: Mapping[int, int] | None = None,
        cluster: str | None = None,
        log: Path | None = None,
        heap: str = "256m",
        jvm: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.bootstrap_servers = f"{HOST}:{port}"
        self._cache = cache
        self._java = ("-Xms64m", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:-UsePerfData", *jvm)
        self._identity = {"cluster.id": cluster or new_id(), "node.id": str(node)}
        addresses = _addresses(port, controller_port, controllers or {node: controller_port})
        self._settings = {**SETTINGS, "node.id": str(node), **addresses, **(settings or {})}
        process = Process("kafka", (), ready=lambda: has_broker(port), grace_seconds=15)
        super().__init__(process, log or data / "kafka.log")

    def prepare(self) -> Process:
        """Find Java and the jars, write the configuration.

        Raises:
            MissingToolError: Java or Maven is missing; the message says what to install.
        """
        java, folder = jars.java(), jars.fetch(self._cache)
        logs = self.data / "log"
        logs.mkdir(parents=True, exist_ok=True)
        _write_identity(logs / "meta.properties", self._identity)
        config = self.data / "server.properties"
        config.write_text(_properties({**self._settings, "log.dirs": str(logs)}))
        argv = (
            java, *self._java, "-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={LOG4J}",
            "-cp", f"{folder}/*", "kafka.Kafka", str(config),
        )  # fmt: skip
        return Process("kafka", argv)


def _addresses(port: int, controller_port: int, controllers: Mapping[int, int]) -> dict[str, str]:
    voters = ",".join(f"{node}@{HOST}:{its}" for node, its in sorted(controllers.items()))
    return {
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": voters,
    }


def _properties(values: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _write_identity(path: Path, identity: Mapping[str, str]) -> None:
    """What `kafka-storage format` would write: enough, and a JVM start cheaper."""
    if not path.exists():
        path.write_text(_properties({"version": "1", **identity, "directory.id": new_id()}))


def new_id() -> str:
    """A Kafka Uuid: 16 bytes in URL-safe base64 without padding; never with a leading '-'."""
    while (text := base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")).startswith("-"):
        pass
    return text


def has_broker(port: int) -> bool:
    """Whether a broker there answers and is part of its cluster (it listens a little earlier)."""
    client, no_topics = struct.pack(">h", -1), struct.pack(">i", 0)
    body = struct.pack(">hhi", METADATA_KEY, METADATA_VERSION, 1) + client + no_topics
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            head = connection.makefile("rb").read(12)
    except OSError:
        return False
    if len(head) < 12:
        return False
    brokers: int = struct.unpack(">iii", head)[2]  # after the size and the correlation id
    return brokers > 0
