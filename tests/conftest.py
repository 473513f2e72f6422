"""The real Kafka and Valkey, one of each for the whole run, started when the first test asks.

`HELIO_KAFKA__BOOTSTRAP_SERVERS` and `HELIO_REDIS__URL` point the tests at others. With
`HELIO_TEST_CONTAINERS=1` and a Docker daemon, testcontainers provides the broker. Tests that stop or kill
a broker build their own `cli.local.kafka.Kafka`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from cli.local.home import cache
from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import choose
from cli.local.valkey import Valkey

ROOT = Path(__file__).parent.parent
# How long an example takes says how busy the machine is. The rest stays as hypothesis has it here, or in CI.
settings.register_profile(
    "heliograph", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("heliograph")


@dataclass(frozen=True)
class Broker:
    """Where a broker is: host:port."""

    bootstrap_servers: str


@dataclass(frozen=True)
class Store:
    """Where a Valkey or Redis is."""

    url: str


@pytest.fixture(scope="session")
def jar_cache() -> Path:
    """Where the broker's jars lie: one folder for every stack that the tests start."""
    os.environ.setdefault("HELIO_CACHE", str(ROOT / ".helio" / "cache"))
    return cache()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Broker]:
    """A broker that all tests share: make your own topics and groups."""
    given = os.environ.get("HELIO_KAFKA__BOOTSTRAP_SERVERS")
    if given:
        yield Broker(given)
    elif os.environ.get("HELIO_TEST_CONTAINERS") == "1":
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer("apache/kafka:4.1.0").with_kraft() as container:
            yield Broker(container.get_bootstrap_server())
    else:
        broker = Kafka(
            tmp_path_factory.mktemp("kafka"),
            port=choose(),
            controller_port=choose(),
            cache=jar_cache,
            jvm=QUICK_JVM,
        )
        broker.start()
        try:
            broker.wait_ready()
            yield Broker(broker.bootstrap_servers)
        finally:
            broker.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A ledger store that all tests share: use your own keys, or flush a database of your own number."""
    given = os.environ.get("HELIO_REDIS__URL")
    if given:
        yield Store(given)
        return
    server = Valkey(tmp_path_factory.mktemp("valkey"), port=choose())
    server.start()
    try:
        server.wait_ready()
        yield Store(server.url)
    finally:
        server.stop()
