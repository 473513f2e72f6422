"""Three brokers, of which the controller dies: the others go on, and nothing is lost or doubled.

`HELIO_TEST_CLUSTER=3` kills whoever is the controller three times over.
"""

import asyncio
import os
import time
from pathlib import Path

import pytest

from broker import clients
from schemas.settings import KafkaSettings
from tests.e2e.guarantees.cluster import SETTINGS, Cluster, cluster
from tests.e2e.guarantees.rig import STEADY, Case, rig, under_load

pytestmark = pytest.mark.e2e
TIMES = int(os.environ.get("HELIO_TEST_CLUSTER", "1"))


async def test_the_controller_dies(tmp_path: Path, jar_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leads a third of all partitions, and groups, beside that."""
    with cluster(tmp_path, jar_cache) as brokers:
        monkeypatch.setenv("HELIO_KAFKA__BOOTSTRAP_SERVERS", brokers.bootstrap_servers)
        async with rig(tmp_path / "stack", own={**STEADY, **SETTINGS}) as running:

            async def kill(case: Case) -> None:
                for _time in range(TIMES):
                    number = await asyncio.to_thread(brokers.controller)
                    broker = brokers.nodes[number]
                    await asyncio.to_thread(broker.kill)
                    print(f"broker {number} died: went on after {await case.going_on():.1f} s")
                    broker.start()
                    await asyncio.to_thread(broker.wait_ready)
                    await until_in_sync(brokers)

            verdict = await under_load(running, kill)
            assert verdict.clean, verdict.findings
            assert running.ends == [], "a service needed a new start"


async def until_in_sync(brokers: Cluster) -> None:
    """Only then the next one may die: what is acknowledged lies on two that live."""
    end = time.monotonic() + 60
    async with clients.admin(KafkaSettings(bootstrap_servers=brokers.bootstrap_servers)) as admin:
        while behind := {
            f"{topic['topic']}-{partition['partition']}": partition["isr"]
            for topic in await admin.describe_topics(None)
            for partition in topic["partitions"]
            if len(partition["isr"]) < len(brokers.nodes)
        }:
            assert time.monotonic() < end, f"not on all brokers: {behind}"
            await asyncio.sleep(0.2)
