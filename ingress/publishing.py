"""Hands records to the broker, and says in time whether it has acknowledged them (P1)."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from broker.patience import end_refused
from broker.refusal import denied
from ingress.ports import NotAcknowledgedError
from schemas.exits import Exit
from schemas.tracing import Headers

_LOG: Final = logging.getLogger(__name__)


def end_process(error: BaseException) -> None:
    """Leave at once; the supervisor starts the process again with a producer that works."""
    if why := denied(error):
        end_refused(why)
    _LOG.critical("producer.died error=%r: this process ends", error)
    os._exit(Exit.SEND)


class Publisher:
    """A `Publish` over a producer that has been started.

    Args:
        producer: idempotent; retries by itself for as long as the broker is away.
        timeout_seconds: how long a caller waits for the acknowledgement.
        died: called when the producer has failed for good: an idempotent one that has lost its sequence
            (a batch given up while a partition had no leader) has every later record refused.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        timeout_seconds: float,
        *,
        died: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._producer = producer
        self._timeout = timeout_seconds
        self._died = died

    async def __call__(self, topic: str, message_id: str, value: bytes, headers: Headers) -> None:
        """Put `value` on `topic` under `message_id`; return once it is acknowledged.

        Raises:
            NotAcknowledgedError: not in time, or refused.
        """
        await self._placed(topic, message_id, value, headers)

    async def place(self, topic: str, key: str, value: bytes) -> int:
        """Likewise; the offset that it got, -1 where the broker had it already."""
        return await self._placed(topic, key, value, ())

    async def _placed(self, topic: str, key: str, value: bytes, headers: Headers) -> int:
        try:
            async with asyncio.timeout(self._timeout):
                sent = await self._producer.send(topic, value, key=key.encode(), headers=headers)
                offset: int = (await sent).offset
        except TimeoutError:
            raise NotAcknowledgedError(key) from None
        except KafkaError as error:
            _LOG.warning("produce.failed topic=%s key=%s error=%r", topic, key, error)
            if not (error.retriable or isinstance(error, MessageSizeTooLargeError)):
                self._died(error)
            raise NotAcknowledgedError(key) from error
        return offset
