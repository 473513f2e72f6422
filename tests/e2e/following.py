"""The status topic, followed for as long as a test looks at it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from schemas.settings import KafkaSettings
from tests.e2e.watch import Watch


@asynccontextmanager
async def following(kafka: KafkaSettings) -> AsyncIterator[Watch]:
    """A subscriber that has read everything so far, or is about to."""
    watch = Watch(kafka)
    reading = asyncio.create_task(watch.follow())
    try:
        yield watch
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
