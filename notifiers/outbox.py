"""What goes to Kafka, in batches; who put it there is told when the broker has it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from broker.publish import Outgoing, Publish
from schemas.failpoints import Point, reached

_BATCH: Final = 500


class Outbox:
    """Records in the order in which they were put; one batch under way at a time.

    Args:
        publish: acknowledged when it returns.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._waiting: deque[tuple[Outgoing, Callable[[], object]]] = deque()
        self._under_way = 0
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting) + self._under_way

    def put(self, record: Outgoing, done: Callable[[], object]) -> None:
        """Produce `record`, then call `done`."""
        self._waiting.append((record, done))
        self._filled.set()
        self._idle.clear()

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            KafkaError: the broker refuses a record. What was not acknowledged is not done.
        """
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                self._under_way = len(batch)
                await self._publish([record for record, _ in batch])
                reached(Point.NOTIFIER_PUT_OFF)
                self._under_way = 0
                for _, done in batch:
                    done()
            self._idle.set()

    async def emptied(self) -> None:
        """Once the broker has all of it."""
        await self._idle.wait()
