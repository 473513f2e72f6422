"""One app's topics on the real broker, its workers, and the account of what became of its records."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from cli.local.child import Child
from cli.local.process import Process
from tests.broker.engine.job import PARTITIONS, Job, fold

ROOT = Path(__file__).parents[3]
POLL_SECONDS = 0.05
Position = tuple[int, int]  # partition, offset


async def until(
    what: str, condition: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 60
) -> None:
    """Wait for a condition; fail with its name after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(POLL_SECONDS)


def read_rows(file: Path) -> dict[bytes, bytes]:
    """The rows that a worker has dumped."""
    return {bytes.fromhex(k): bytes.fromhex(v) for k, v in json.loads(file.read_text()).items()}


class Worker(Child):
    """A running program of our own, with a log of its own."""

    def __init__(self, program: str, argument: str, log: Path) -> None:
        argv = (sys.executable, "-m", f"tests.broker.engine.{program}", argument)
        super().__init__(Process(program, argv, env={"PYTHONPATH": str(ROOT)}), log)
        self.start()

    def said(self, words: str) -> bool:
        """Whether its log has these words."""
        return self.log.exists() and words in self.log.read_text()

    async def says(self, words: str, seconds: float = 60) -> None:
        """Wait until its log has these words."""
        await until(f"{words!r} in {self.log}", lambda: self.said(words) or not self.alive, seconds)
        assert self.said(words), self.tail()

    async def ready(self) -> None:
        """Wait until it is ready."""
        await self.says("engine.ready")

    async def ended(self, seconds: float = 60) -> int:
        """Wait until it has ended by itself; its exit code."""
        await until(f"end of {self.log}", lambda: not self.alive, seconds)
        code = self.exit_code
        assert code is not None
        return code

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGTERM)

    async def finish(self) -> None:
        """SIGTERM, and a clean end."""
        await asyncio.to_thread(self.stop)
        assert self.exit_code == 0, self.tail()


class Gate:
    """A file that faults look for: while the gate is shut, what it is for waits."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def shut(self) -> None:
        Path(self.path).touch()

    def open(self) -> None:
        Path(self.path).unlink()


@dataclass
class Feed:
    """Records under way to the source, at a rate, until `stop` is set."""

    sent: int = 0


class Bench:
    """Names, clients and workers of one test."""

    def __init__(self, bootstrap_servers: str, folder: Path, partitions: int = PARTITIONS) -> None:
        name = f"engine-{uuid.uuid4().hex[:8]}"
        self.job = Job(
            bootstrap_servers=bootstrap_servers,
            app=name,
            source=f"{name}-in",
            output=f"{name}-out",
            partitions=partitions,
        )
        self.changelog = f"{name}-rows-changelog"
        self.workers: list[Worker] = []
        self._folder = folder

    # -- life

    async def __aenter__(self) -> Self:
        servers = self.job.bootstrap_servers
        self.admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await self.admin.start()
        self.producer = AIOKafkaProducer(
            bootstrap_servers=servers, linger_ms=5, enable_idempotence=True, request_timeout_ms=120_000
        )
        await self.producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            await asyncio.to_thread(worker.kill)
        with contextlib.suppress(TimeoutError):  # where a failed test leaves the broker stopped
            async with asyncio.timeout(10):
                await self.producer.stop()
        await self.admin.close()

    async def make_topics(
        self, *, without: Iterable[str] = (), sizes: Mapping[str, int] | None = None
    ) -> None:
        """All three, or all but some; with other partition counts where told."""
        names = {self.job.source, self.job.output, self.changelog} - set(without)
        sizes = sizes or {}
        await self.admin.create_topics(
            [
                NewTopic(
                    name,
                    sizes.get(name, self.job.partitions),
                    1,
                    topic_configs={"max.message.bytes": "200000"},
                )
                for name in names
            ]
        )

    # -- workers

    def worker(self, **changes: Any) -> Worker:
        """Start one; `changes` to its job."""
        return self.start("worker", replace(self.job, **changes).to_json())

    def start(self, program: str, argument: str) -> Worker:
        """Start a program of this folder; it is killed at the end of the test."""
        worker = Worker(program, argument, self._folder / f"{program}-{len(self.workers)}.log")
        self.workers.append(worker)
        return worker

    async def ready_worker(self, **changes: Any) -> Worker:
        """Start one and wait until it is ready."""
        worker = self.worker(**changes)
        await worker.ready()
        return worker

    # -- records

    async def feed(self, values: Sequence[bytes | str], key: bytes | None = None) -> None:
        """Write records; each under a key of its own number of a few, or under the one given."""
        sends = [
            await self.producer.send(
                self.job.source,
                value.encode() if isinstance(value, str) else value,
                key=key or b"k%d" % (i % 97),
            )
            for i, value in enumerate(values)
        ]
        await asyncio.gather(*sends)

    @contextlib.asynccontextmanager
    async def feeding(self, per_second: int) -> AsyncIterator[Feed]:
        """Write records at a rate until the end of the block; all are acknowledged then."""
        feed, stop = Feed(), asyncio.Event()

        async def run() -> None:
            sends, began = [], time.monotonic()
            while not stop.is_set():
                due = int((time.monotonic() - began) * per_second)
                sends += [
                    await self.producer.send(self.job.source, b"%d" % number, key=b"k%d" % (number % 197))
                    for number in range(feed.sent, due)
                ]
                feed.sent = due
                await asyncio.sleep(0.01)
            await asyncio.gather(*sends)

        task = asyncio.create_task(run())
        try:
            yield feed
        except BaseException:
            task.cancel()
            raise
        stop.set()
        await task

    async def until_fed(self, feed: Feed, more: int) -> None:
        """Wait until so many more records are on their way."""
        goal = feed.sent + more
        await until(f"{goal} records fed", lambda: feed.sent >= goal)

    async def delete_before(self, offset: int) -> None:
        """What retention does, at once and on every partition."""
        tps = {
            TopicPartition(self.job.source, p): RecordsToDelete(offset) for p in range(self.job.partitions)
        }
        await self.admin.delete_records(tps)

    async def write_changelog(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Write as a worker would."""
        await self.producer.send_and_wait(self.changelog, value, key=key, partition=partition)

    # -- the account

    async def read(self, topic: str) -> list[Any]:
        """All records of a topic now, in the order of offsets within a partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self.job.bootstrap_servers) as consumer:
            tps = [TopicPartition(topic, p) for p in range(self.job.partitions)]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends = await consumer.end_offsets(tps)
            found: list[Any] = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
            return found

    async def committed(self) -> dict[int, int]:
        """The group's offset of each source partition; 0 where there is none."""
        try:
            found = await self.admin.list_consumer_group_offsets(self.job.app)
        except Exception:  # noqa: BLE001  # the group has no coordinator yet
            found = {}
        offsets = {tp.partition: meta.offset for tp, meta in found.items() if tp.topic == self.job.source}
        return {p: max(0, offsets.get(p, 0)) for p in range(self.job.partitions)}

    async def ends(self) -> dict[int, int]:
        """The end of each source partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self.job.bootstrap_servers) as consumer:
            tps = [TopicPartition(self.job.source, p) for p in range(self.job.partitions)]
            return {tp.partition: end for tp, end in (await consumer.end_offsets(tps)).items()}

    async def all_committed(self, seconds: float = 90) -> None:
        """Wait until the group has committed all that is in the source."""
        ends = await self.ends()

        async def done() -> bool:
            return await self.committed() == ends

        await until("all committed", done, seconds)

    async def lost(self) -> list[Position]:
        """Source records that were never passed on."""
        passed = {
            tuple(map(int, record.value.split(b":")[:2])) for record in await self.read(self.job.output)
        }
        return sorted({(r.partition, r.offset) for r in await self.read(self.job.source)} - passed)

    async def repeats(self) -> int:
        """How many records were passed on more than once."""
        values = [record.value for record in await self.read(self.job.output)]
        return len(values) - len(set(values))

    async def wrong_rows(self) -> dict[bytes, tuple[bytes | None, bytes | None]]:
        """Rows that a fresh worker, alone, recovers otherwise than computed from the source.

        Returns:
            Key to (found, right).
        """
        for other in self.workers:
            if other.alive:
                await other.finish()
        file = self._folder / f"rows-{len(self.workers)}.json"
        worker = await self.ready_worker(dump=str(file))
        await worker.finish()
        await until(f"rows in {file}", file.exists)  # it says that it is ready before it writes them
        found = read_rows(file)
        right = fold((r.key, r.value, r.offset) for r in await self.read(self.job.source))
        return {
            key: (found.get(key), right.get(key))
            for key in found.keys() | right.keys()
            if found.get(key) != right.get(key)
        }
