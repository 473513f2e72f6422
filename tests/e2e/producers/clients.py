"""The four producers, each with its library's own defaults: partitioner, acknowledgements, idempotence."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import confluent_kafka
from aiokafka import AIOKafkaProducer

from cli.local import jars
from tests.e2e.producers import fetched
from tests.e2e.producers.plan import Batch, End

#: What each can: codecs, and how its transactions may end.
CODECS: Final = {
    "confluent": ("none", "gzip", "snappy", "lz4", "zstd"),
    "java": ("none", "gzip", "snappy", "lz4", "zstd"),
    "kcat": ("none", "gzip", "snappy", "lz4", "zstd"),
    # The others take libraries that it does not bring along.
    "aiokafka": ("none", "gzip"),
}
TRANSACTIONS: Final = {
    "confluent": (End.COMMIT, End.ABORT),
    "java": (End.COMMIT, End.ABORT),
    "kcat": (End.COMMIT,),
    "aiokafka": (End.COMMIT, End.ABORT),
}
SECONDS: Final = 60

#: Send batches to a topic: (host:port, topic, a word of this run, batches).
Produce = Callable[[str, str, str, Sequence[Batch]], None]


def confluent(servers: str, topic: str, run: str, batches: Sequence[Batch]) -> None:
    """librdkafka, as Python has it."""
    for number, batch in enumerate(batches):
        options: dict[str, Any] = {"bootstrap.servers": servers, "compression.type": batch.codec}
        if batch.end is not End.NONE:
            options["transactional.id"] = f"{run}-confluent-{number}"
        producer = confluent_kafka.Producer(options)
        if batch.end is not End.NONE:
            producer.init_transactions(SECONDS)
            producer.begin_transaction()
        for wish in batch.wishes:
            producer.produce(topic, wish.value, key=wish.record_key, headers=list(wish.headers))
        assert producer.flush(SECONDS) == 0
        if batch.end is End.COMMIT:
            producer.commit_transaction(SECONDS)
        elif batch.end is End.ABORT:
            producer.abort_transaction(SECONDS)


def aiokafka(servers: str, topic: str, run: str, batches: Sequence[Batch]) -> None:
    """aiokafka, in a loop of its own."""
    asyncio.run(_aiokafka(servers, topic, run, batches))


async def _aiokafka(servers: str, topic: str, run: str, batches: Sequence[Batch]) -> None:
    for number, batch in enumerate(batches):
        codec = None if batch.codec == "none" else batch.codec
        transactional = None if batch.end is End.NONE else f"{run}-aiokafka-{number}"
        async with AIOKafkaProducer(
            bootstrap_servers=servers, compression_type=codec, transactional_id=transactional, linger_ms=20
        ) as producer:
            if transactional is not None:
                await producer.begin_transaction()
            waiting = [
                await producer.send(topic, wish.value, key=wish.record_key, headers=list(wish.headers))
                for wish in batch.wishes
            ]
            await asyncio.gather(*waiting)
            if batch.end is End.COMMIT:
                await producer.commit_transaction()
            elif batch.end is End.ABORT:
                await producer.abort_transaction()


def kcat(servers: str, topic: str, run: str, batches: Sequence[Batch]) -> None:
    """kcat: a line for each record; headers are for all lines of a call, and so is whether there are keys."""
    program = fetched.kcat()
    for number, batch in enumerate(batches):
        for headers, keyed in sorted({(wish.headers, wish.record_key is not None) for wish in batch.wishes}):
            command = [*program.command, "-P", "-b", servers, "-t", topic, "-z", batch.codec]
            command += [option for name, value in headers for option in ("-H", f"{name}={value.decode()}")]
            command += ["-K", "\t"] if keyed else []
            if batch.end is not End.NONE:
                command += ["-X", f"transactional.id={run}-kcat-{number}"]
            lines = [
                (wish.record_key + b"\t" if wish.record_key is not None else b"") + wish.value
                for wish in batch.wishes
                if (wish.headers, wish.record_key is not None) == (headers, keyed)
            ]
            _run(command, b"\n".join(lines) + b"\n", program.env)


def java(servers: str, topic: str, run: str, batches: Sequence[Batch]) -> None:
    """Kafka's own client."""
    classes, path = fetched.java_producer(Path(__file__).with_name("Produce.java"))
    command = [jars.java(), "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", f"{classes}:{path}/*", "Produce"]
    _run([*command, servers, topic, run], "\n".join(_lines(batches)).encode(), None)


def _lines(batches: Sequence[Batch]) -> Iterator[str]:
    for batch in batches:
        yield f"batch\t{batch.codec}\t{batch.end}"
        for wish in batch.wishes:
            headers = ";".join(f"{name}={value.decode()}" for name, value in wish.headers)
            yield f"{(wish.record_key or b'').decode()}\t{headers}\t{wish.value.decode()}"


def _run(command: Sequence[str], given: bytes, env: dict[str, str] | None) -> None:
    done = subprocess.run(command, input=given, capture_output=True, env=env, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr.decode()[-2000:]}"


ALL: Final[dict[str, Produce]] = {"confluent": confluent, "java": java, "kcat": kcat, "aiokafka": aiokafka}
