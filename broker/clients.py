"""aiokafka clients with the settings that the promises need. Nothing connects before `start()`."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from broker import security
from broker.partitioner import partition
from broker.patience import patient_admin, patient_consumer, patient_producer
from schemas.settings import KafkaSettings

#: As large as the largest record that any topic of ours takes, so that no client refuses what a broker would.
_MAX_REQUEST_BYTES = 2_200_000
#: aiokafka has one fetch under way per broker. A partition whose records were still being taken when it left
#: is not in it, and what comes there waits for its end: a second, with a second's wait.
_FETCH_WAIT_MS = 250


def producer(kafka: KafkaSettings, *, linger_ms: int = 0, **options: Any) -> AIOKafkaProducer:
    """An idempotent producer whose acknowledgements are those of all in-sync replicas (P1).

    Partitions by murmur2 of the key, as Java clients do. `linger_ms` 0 to 2 on the way to a provider,
    20 elsewhere: what costs is rounds, not records (docs/architecture.md). What it has taken it keeps until
    the broker has it, however long that is away.
    """
    quiet()
    return patient_producer(
        AIOKafkaProducer(
            **security.options(kafka),
            acks="all",
            enable_idempotence=True,
            linger_ms=linger_ms,
            max_batch_size=131_072,
            max_request_size=_MAX_REQUEST_BYTES,
            request_timeout_ms=30_000,
            partitioner=partition,
            **options,
        )
    )


def group_consumer(kafka: KafkaSettings, group: str, **options: Any) -> AIOKafkaConsumer:
    """A member of `group` that commits only what its owner says, from the start where nothing is committed.

    Range assignment: partition n of several topics lies with one member. Aborted transactions are not read.
    """
    quiet()
    return patient_consumer(
        AIOKafkaConsumer(
            **security.options(kafka),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=round(kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=round(kafka.heartbeat_seconds * 1000),
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            **options,
        )
    )


def reader(kafka: KafkaSettings, **options: Any) -> AIOKafkaConsumer:
    """A consumer without a group, for whoever reads whole topics: replicas, rebuilds, tools."""
    quiet()
    return patient_consumer(
        AIOKafkaConsumer(
            **security.options(kafka),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            **options,
        )
    )


@asynccontextmanager
async def admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client within a block: aiokafka's own is no context manager."""
    quiet()
    client = patient_admin(AIOKafkaAdminClient(**security.options(kafka)))
    try:
        await client.start()
        yield client
    finally:
        await client.close()


def quiet() -> None:
    """Set aiokafka's level explicitly: left open it builds every debug record (15 % of a worker's CPU)."""
    logger = logging.getLogger("aiokafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
