"""What aiokafka lacks for a broker that is away: it does not spin, gives no record up, and asks again.

And for one that is there and does not let us in: that is no absence, and waiting does not help.
"""

import asyncio
import logging
import math
import os
from time import monotonic
from typing import Any, ClassVar, Final, NoReturn

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from broker.refusal import RefusedError, refusal
from schemas.exits import Exit

_LOG: Final = logging.getLogger(__name__)
#: When an answer that did not come is asked for again, where nobody waits for it.
_AGAIN_SECONDS: Final = 1.0


class Client(AIOKafkaClient):  # type: ignore[misc]  # untyped upstream
    """Connections that pause between two tries to reach any broker, and try until they do.

    Without the pause, each producer and consumer whose broker was stopped in order asks for its partitions'
    leaders again and again: a core for each, and thousands of log lines a second.

    Without a further try, a reader that has just subscribed to topics has no partitions for five minutes: a
    broker that was away answers at first that there are no brokers, and nobody asks again.

    A cluster that does not take our login or certificate ends the start with a `RefusedError`, and a process
    that runs (`Exit.REFUSED`) when it has been refused for `refused_seconds`: one that is being restarted may
    know its users late.
    """

    refused_seconds: ClassVar[float] = 30.0
    _again: asyncio.TimerHandle | None = None
    _knocked_at = float("-inf")
    _refused_at: float | None = None

    async def bootstrap(self) -> None:
        """Connect for the first time.

        Raises:
            RefusedError: the cluster is there and does not take us.
            KafkaConnectionError: it is not there.
        """
        try:
            await super().bootstrap()
        except KafkaConnectionError as error:
            if why := await self._refusal():
                raise RefusedError(why) from error
            raise
        # A cluster that is just starting says so, too; and one that does not take our token.
        if not self.cluster.brokers() and (why := await self._refusal()):
            raise RefusedError(why)

    async def _metadata_update(self, *args: Any) -> bool:
        updated: bool = await super()._metadata_update(*args)
        if updated:
            self._refused_at = None
        else:
            await asyncio.sleep(self._retry_backoff)
            if self._security_protocol != "PLAINTEXT" and monotonic() - self._knocked_at > _AGAIN_SECONDS:
                await self._knock()
            if self._again is None:
                self._again = asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._ask_again)
        return updated

    async def _knock(self) -> None:
        """End the process if it has been refused for long enough."""
        why = await self._refusal()
        self._knocked_at = monotonic()
        if why is None:
            self._refused_at = None
        elif self._refused_at is None:
            self._refused_at = self._knocked_at
            _LOG.warning("kafka.refused: %s", why)
        elif self._knocked_at - self._refused_at >= self.refused_seconds:
            end_refused(why)

    async def _refusal(self) -> str | None:
        known = [(broker.host, broker.port) for broker in self.cluster.brokers()]
        return await refusal(
            known or [(host, port) for host, port, _ in self.hosts],
            {
                "client_id": self._client_id,
                "security_protocol": self._security_protocol,
                "ssl_context": self._ssl_context,
                "sasl_mechanism": self._sasl_mechanism,
                "sasl_plain_username": self._sasl_plain_username,
                "sasl_plain_password": self._sasl_plain_password,
                "sasl_oauth_token_provider": self._sasl_oauth_token_provider,
            },
        )

    def _ask_again(self) -> None:
        self._again = None
        self.force_metadata_update()

    async def close(self) -> None:
        """Close the connections, and ask no more."""
        await super().close()
        if self._again is not None:
            self._again.cancel()


def end_refused(why: str) -> NoReturn:
    """End this process as one that the cluster does not let in, or not to what it needs."""
    _LOG.critical("%s: this process ends", why)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(Exit.REFUSED)


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
