"""The life of a service's process: its hooks in order, its agents, its ends."""

import json

import pytest
from aiokafka.admin import NewTopic

from streams.engine import Exit
from tests.broker.engine.bench import Bench, Worker

pytestmark = pytest.mark.broker


def service(bench: Bench, **options: object) -> Worker:
    job = bench.job
    names = {
        "app": job.app,
        "servers": job.bootstrap_servers,
        "sources": [job.source, f"{job.source}-too"],
        "output": job.output,
        **options,
    }
    return bench.start("service", json.dumps(names))


async def make_topics(bench: Bench) -> None:
    await bench.make_topics()
    await bench.admin.create_topics([NewTopic(f"{bench.job.source}-too", 4, 1)])


async def test_its_hooks_run_in_order_and_its_agents_share_a_table(bench: Bench) -> None:
    await make_topics(bench)
    await bench.feed(["old"], key=b"a")
    await bench.producer.send_and_wait(f"{bench.job.source}-too", b"new", key=b"b")
    worker = service(bench)
    await worker.says("service.forgotten 1 of 2")
    await bench.all_committed()
    await worker.finish()
    told = [
        line.split()[4]
        for line in worker.log.read_text().splitlines()
        if " service " in line or " streams " in line
    ]
    assert told[:3] == ["service.load", "engine.ready", "service.ready"]
    assert set(told[3:-3]) == {"service.tidy", "service.forgotten"}
    assert told[-3:] == ["engine.stopping", "engine.stopped", "service.close"]
    out = {(r.key, r.value, r.headers) for r in await bench.read(bench.job.output)}
    assert out == {
        (b"a", b"old", (("from", bench.job.source.encode()),)),
        (b"b", b"new", (("from", f"{bench.job.source}-too".encode()),)),
    }


async def test_it_stops_cleanly_before_it_is_ready(bench: Bench) -> None:
    worker = service(bench, hang="load")
    await worker.says("service.load")
    await worker.finish()
    assert not worker.said("engine.ready")
    assert worker.said("service.close")


async def test_it_ends_when_it_is_not_ready_in_time(bench: Bench) -> None:
    worker = service(bench, hang="load", ready_seconds=0.5)
    assert await worker.ended() == Exit.RECOVERY


async def test_it_ends_when_a_hook_fails(bench: Bench) -> None:
    worker = service(bench, fail="load")
    assert await worker.ended() == 1


async def test_it_ends_when_a_function_between_records_fails(bench: Bench) -> None:
    await make_topics(bench)
    worker = service(bench, fail="tidy")
    assert await worker.ended() == Exit.HANDLER


async def test_it_ends_when_there_is_no_broker(bench: Bench) -> None:
    worker = service(bench, servers="127.0.0.1:1")
    assert await worker.ended() == Exit.CRASH
