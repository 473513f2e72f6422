"""Puts records on their topics, and says whether the broker has acknowledged them."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.patience import end_refused
from broker.publish import Outgoing
from broker.refusal import denied
from schemas import topics
from schemas.exits import Exit
from schemas.facts import Receipt

_LOG: Final = logging.getLogger(__name__)

#: The offset of a record that the broker has acknowledged, -1 where that is not known; None: it has not
#: acknowledged it. It waits for as long as the producer tries.
Produce = Callable[[Outgoing], Awaitable[int | None]]
#: Whether the broker has acknowledged a receipt. False: it may still take it; a repeat is harmless.
Publish = Callable[[Receipt], Awaitable[bool]]


def end_process(error: BaseException) -> None:
    """Leave at once; the supervisor starts the process again with a producer that works."""
    if why := denied(error):
        end_refused(why)
    _LOG.critical("producer.died error=%r: this process ends", error)
    os._exit(Exit.SEND)


def produces(producer: AIOKafkaProducer, died: Callable[[BaseException], None] = end_process) -> Produce:
    """A `Produce` over a producer that has been started.

    `died` is called when it has failed for good: an idempotent producer that has lost its sequence has
    every later record refused.
    """

    async def produce(record: Outgoing) -> int | None:
        try:
            sent = await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
            offset: int = (await sent).offset
        except KafkaError as error:
            _LOG.warning("produce.failed topic=%s key=%s error=%r", record.topic, record.key, error)
            if not error.retriable:
                died(error)
            return None
        return offset

    return produce


def publisher(produce: Produce, timeout_seconds: float) -> Publish:
    """A `Publish` that waits no longer than this."""

    async def publish(receipt: Receipt) -> bool:
        try:
            async with asyncio.timeout(timeout_seconds):
                record = Outgoing(topics.EVENTS, receipt.message_id.encode(), receipt.encode())
                return await produce(record) is not None
        except TimeoutError:
            return False

    return publish
