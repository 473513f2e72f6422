"""Where a record that has waited goes: from hop to hop, then to its target without its ticket."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from broker.publish import Outgoing
from broker.stall import watch
from schemas import topics
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.waiting import Ticket
from streams.waiting import Mover, onward

TARGET = topics.dispatch(Provider.VONAGE, Lane.QUEUED)
TARGETS = {TARGET, topics.EVENTS}
TRACE = ("traceparent", b"00-1-2-01")


def waiting(headers: list[tuple[str, bytes]], value: bytes | None = b"task") -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic=topics.WAITING[10_000],
        partition=2,
        offset=40,
        timestamp=1_000,
        timestamp_type=1,
        key=b"message-1",
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple(headers),
    )


def ticket(due: int, topic: str = TARGET) -> list[tuple[str, bytes]]:
    return Ticket(due, topic, b"+15550100001").headers()


@pytest.mark.parametrize(
    ("wait", "topic"),
    [
        (-5, TARGET),
        (0, TARGET),
        (9_999, TARGET),
        (10_000, "sms.waiting.10s.v1"),
        (59_999, "sms.waiting.10s.v1"),
        (60_000, "sms.waiting.1m.v1"),
        (600_000, "sms.waiting.10m.v1"),
        (3_600_000, "sms.waiting.1h.v1"),
        (10 * 3_600_000, "sms.waiting.1h.v1"),
    ],
)
def test_it_takes_the_longest_hop_that_is_not_too_long(wait: int, topic: str) -> None:
    assert onward(waiting(ticket(50_000 + wait)), TARGETS, 50_000).topic == topic


def test_a_hop_keeps_key_value_and_ticket() -> None:
    record = waiting([TRACE, *ticket(90_000)])
    out = onward(record, TARGETS, 50_000)
    assert (out.key, out.value) == (b"message-1", b"task")
    assert Ticket.read(out.headers) == Ticket(90_000, TARGET, b"+15550100001")
    assert TRACE in out.headers


def test_at_its_target_it_has_the_tickets_key_and_no_ticket() -> None:
    out = onward(waiting([TRACE, *ticket(40_000)]), TARGETS, 50_000)
    assert (out.topic, out.key, out.value) == (TARGET, b"+15550100001", b"task")
    assert list(out.headers) == [TRACE]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ticket(40_000)[:2],
        [("helio-due", b"soon"), *ticket(40_000)[1:]],
        [ticket(40_000)[0], ("helio-topic", b"\xff"), ticket(40_000)[2]],
        # A topic that does not exist would hold up all that waits behind it.
        ticket(40_000, "sms.nowhere.v1"),
    ],
)
def test_without_a_readable_ticket_it_is_a_dead_letter(headers: list[tuple[str, bytes]]) -> None:
    out = onward(waiting(headers, value=None), TARGETS, 50_000)
    found = dict(out.headers)
    assert (out.topic, out.key, out.value) == ("sms.waiting.dlq.v1", b"message-1", b"")
    assert found["helio-dlq-value"] == b"null"
    assert found["helio-dlq-reason"]
    assert (found["helio-dlq-topic"], found["helio-dlq-offset"]) == (b"sms.waiting.10s.v1", b"40")
    assert all(header in out.headers for header in headers)


class OneRecord:
    """A consumer that finds one record."""

    def __init__(self) -> None:
        self._found = {TopicPartition(topics.WAITING[10_000], 2): [waiting(ticket(0))]}

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        await asyncio.sleep(0)
        found, self._found = self._found, {}
        return found

    def pause(self, *_: TopicPartition) -> None:
        pass

    async def beginning_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {}


async def test_a_mover_that_waits_for_an_acknowledgement_does_not_stand_still() -> None:
    """Nor while its group is rearranged meanwhile."""
    began = asyncio.Event()

    async def publish(records: Sequence[Outgoing]) -> None:
        del records
        began.set()
        await asyncio.Event().wait()

    async def answers() -> bool:
        return True

    consumer = cast("AIOKafkaConsumer", OneRecord())
    delays = {topics.WAITING[10_000]: 0}
    mover = Mover(consumer, publish, delays=delays, targets=TARGETS, now=lambda: 50_000)
    await mover.on_partitions_assigned([])
    running = asyncio.create_task(mover.run(asyncio.Event()))
    await began.wait()
    leaving = asyncio.create_task(mover.on_partitions_revoked([]))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await watch(mover.pulses, answers, 0.2)
    leaving.cancel()
    running.cancel()
