"""What aiokafka lacks for a broker that is away: it does not spin, gives no record up, and asks again."""

import asyncio
import math
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient

#: When an answer that did not come is asked for again, where nobody waits for it.
_AGAIN_SECONDS: Final = 1.0


class Client(AIOKafkaClient):  # type: ignore[misc]  # untyped upstream
    """Connections that pause between two tries to reach any broker, and try until they do.

    Without the pause, each producer and consumer whose broker was stopped in order asks for its partitions'
    leaders again and again: a core for each, and thousands of log lines a second.

    Without a further try, a reader that has just subscribed to topics has no partitions for five minutes: a
    broker that was away answers at first that there are no brokers, and nobody asks again.
    """

    _again: asyncio.TimerHandle | None = None

    async def _metadata_update(self, *args: Any) -> bool:
        updated: bool = await super()._metadata_update(*args)
        if not updated:
            await asyncio.sleep(self._retry_backoff)
            if self._again is None:
                self._again = asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._ask_again)
        return updated

    def _ask_again(self) -> None:
        self._again = None
        self.force_metadata_update()

    async def close(self) -> None:
        """Close the connections, and ask no more."""
        await super().close()
        if self._again is not None:
            self._again.cancel()


# aiokafka builds its clients itself and has no place to hand one in: theirs become ours. (It is pinned.)


def patient_producer(made: AIOKafkaProducer) -> AIOKafkaProducer:
    """Have an idempotent producer keep its records for as long as it takes.

    It repeats a refused batch for ever, but gives up one whose partition has no leader for long. The sequence
    of the partition then has a hole, and the broker refuses all that comes after.
    """
    made.client.__class__ = Client
    made._message_accumulator._batch_ttl = math.inf  # noqa: SLF001  see above
    return made


def patient_consumer(made: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Have a consumer not spin."""
    made._client.__class__ = Client  # noqa: SLF001  see above
    return made


def patient_admin(made: AIOKafkaAdminClient) -> AIOKafkaAdminClient:
    """Have an admin client not spin."""
    made._client.__class__ = Client  # noqa: SLF001  see above
    return made
