"""Puts receipts on `sms.events.v1`, and says in time whether the broker has acknowledged them."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.exits import Exit
from schemas.facts import Receipt

_LOG: Final = logging.getLogger(__name__)

#: Whether the broker has acknowledged a receipt. False: it may still take it; a repeat is harmless.
Publish = Callable[[Receipt], Awaitable[bool]]


def end_process(error: BaseException) -> None:
    """Leave at once; the supervisor starts the process again with a producer that works."""
    _LOG.critical("producer.died error=%r: this process ends", error)
    os._exit(Exit.SEND)


def publisher(
    producer: AIOKafkaProducer,
    timeout_seconds: float,
    died: Callable[[BaseException], None] = end_process,
) -> Publish:
    """A `Publish` over a producer that has been started.

    `died` is called when it has failed for good: an idempotent producer that has lost its sequence has
    every later record refused.
    """

    async def publish(receipt: Receipt) -> bool:
        try:
            async with asyncio.timeout(timeout_seconds):
                sent = await producer.send(topics.EVENTS, receipt.encode(), receipt.message_id.encode())
                await sent
        except TimeoutError:
            return False
        except KafkaError as error:
            _LOG.warning("produce.failed message_id=%s error=%r", receipt.message_id, error)
            if not error.retriable:
                died(error)
            return False
        return True

    return publish
