"""Three brokers on loopback: what is acknowledged lies on two of them at least."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.local.kafka import QUICK_JVM, Kafka, new_id
from cli.local.ports import choose

#: For the services: topics are made so.
SETTINGS: Final = {"topics": {"replication_factor": 3, "min_insync_replicas": 2}}
_BROKER: Final = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    # A dead node is missed after a second or two.
    "controller.quorum.election.timeout.ms": "1000",
    "controller.quorum.fetch.timeout.ms": "2000",
}
_METADATA_TOPIC: Final = b"__cluster_metadata"
#: Request 55, version 0 (https://kafka.apache.org/protocol.html#The_Messages_DescribeQuorum): header without
#: a client's name, one topic, its partition 0; zeros are empty lists of tagged fields.
_DESCRIBE_QUORUM: Final = (
    struct.pack(">hhihb", 55, 0, 1, -1, 0)
    + struct.pack(">bb", 2, len(_METADATA_TOPIC) + 1)
    + _METADATA_TOPIC
    + struct.pack(">bibbb", 2, 0, 0, 0, 0)
)


@dataclass
class Cluster:
    """Its nodes by number, each of them broker and controller."""

    nodes: dict[int, Kafka]

    @property
    def bootstrap_servers(self) -> str:
        """All of them, as clients are told."""
        return ",".join(node.bootstrap_servers for node in self.nodes.values())

    def controller(self) -> int:
        """The node that decides for all. What metadata calls the controller is any node, under KRaft."""
        host, port = next(node for node in self.nodes.values() if node.alive).bootstrap_servers.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(struct.pack(">i", len(_DESCRIBE_QUORUM)) + _DESCRIBE_QUORUM)
            answer = connection.makefile("rb")
            (size,) = struct.unpack(">i", answer.read(4))
            body = answer.read(size)
        at = body.index(_METADATA_TOPIC) + len(_METADATA_TOPIC)
        # After the topic's name: a count, the partition's number and its error, then the leader.
        _count, _partition, error, leader = struct.unpack_from(">bihi", body, at)
        assert error == 0
        return int(leader)


@contextmanager
def cluster(folder: Path, cache: Path) -> Iterator[Cluster]:
    """Three nodes with small heaps, ready."""
    ports: list[int] = []
    for _ in range(6):
        ports.append(choose(taken=ports))
    controllers, name = dict(enumerate(ports[3:], 1)), new_id()
    nodes = {
        number: Kafka(
            folder / f"kafka-{number}",
            port=port,
            controller_port=controllers[number],
            node=number,
            controllers=controllers,
            cluster=name,
            cache=cache,
            heap="160m",
            jvm=QUICK_JVM,
            settings=_BROKER,
        )
        for number, port in enumerate(ports[:3], 1)
    }
    with ExitStack() as stack:
        for node in nodes.values():
            stack.callback(node.stop)
            node.start()
        for node in nodes.values():
            node.wait_ready()
        yield Cluster(nodes)
