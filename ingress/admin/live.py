"""Writes changes to the directory's topic, and waits until our own replica shows them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from directory.apply import RaceLostError, write
from directory.changes import Change
from directory.replica import Replica
from ingress.admin.writing import ChangedMeanwhileError
from ingress.ports import NotAcknowledgedError
from ingress.publishing import end_process
from schemas.base import Millis

_LOG: Final = logging.getLogger(__name__)


class Live:
    """A `Write` over a producer and a replica that have been started."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        replica: Replica,
        timeout_seconds: float,
        *,
        clock: Callable[[], Millis],
        died: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._producer = producer
        self._replica = replica
        self._timeout = timeout_seconds
        self._clock = clock
        self._died = died

    async def __call__(self, change: Change) -> None:
        """Write `change`; return once it can be read back.

        Raises:
            ChangedMeanwhileError: another writer was first.
            NotAcknowledgedError: not in time, or refused by the broker.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await write(self._producer, self._replica, [change], self._clock())
        except RaceLostError as lost:
            raise ChangedMeanwhileError from lost
        except TimeoutError:
            raise NotAcknowledgedError(change.id) from None
        except KafkaError as error:
            _LOG.warning("admin.failed kind=%s id=%s error=%r", change.kind, change.id, error)
            if not (error.retriable or isinstance(error, MessageSizeTooLargeError)):
                self._died(error)
            raise NotAcknowledgedError(change.id) from error
