"""Requests as a Kafka producer: to the topic of your organization, or to the common one."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, Unpack
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)

from heliograph.errors import HeliographError
from heliograph.requests import OnTopic, check, encoded

#: For everybody; an organization may have one of its own, `sms.requests.<organization>.v1`.
TOPIC: Final = "sms.requests.v1"
#: Of the contract that is written here.
VERSION: Final = "sms.request.v1"
#: What a broker says of the record or of us, and would say again. What else is not retriable to aiokafka
#: (a batch that waited for too long, an error that the broker has no name for) leaves the outcome open.
_REFUSALS: Final = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)
_TOPIC_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class NotAcknowledgedError(HeliographError):
    """The broker has not acknowledged the request in time, and may have it: send it again with the same key.

    Attributes:
        idempotency_key: the one that it went out with, also where it was made here.
    """

    def __init__(self, detail: str, *, idempotency_key: str) -> None:
        self.detail = detail
        self.idempotency_key = idempotency_key
        super().__init__(f"{detail} (idempotency key {idempotency_key})")


class NotProducedError(HeliographError):
    """The broker refuses the request, and would refuse it again: too large, no right, an unknown login.

    Attributes:
        detail: topic and reason.
        idempotency_key: the one that it went out with, also where it was made here; it is still free.
    """

    def __init__(self, detail: str, *, idempotency_key: str) -> None:
        self.detail = detail
        self.idempotency_key = idempotency_key
        super().__init__(f"{detail} (idempotency key {idempotency_key})")


@dataclass(frozen=True)
class Requested:
    """A request that the broker has. What becomes of it is told with `reference` on every status record."""

    idempotency_key: str
    reference: str
    topic: str
    partition: int
    offset: int


class Requests:
    """Produces requests; each is acknowledged by all in-sync replicas when its call returns.

    Use it in an `async with` block. Many calls at once (`asyncio.gather`) share batches.

    Args:
        bootstrap_servers: host:port, comma-separated.
        topic: of your organization, where it has one.
        deadline: seconds within which the broker must acknowledge.
        options: of `AIOKafkaProducer`: `security_protocol`, `ssl_context`, `sasl_mechanism`,
            `compression_type`, `linger_ms` and others.

    Raises:
        ValueError: no topic can have that name.
    """

    def __init__(
        self, bootstrap_servers: str, *, topic: str = TOPIC, deadline: float = 60.0, **options: Any
    ) -> None:
        if not _TOPIC_NAME.fullmatch(topic):
            raise ValueError(f"{topic!r} is no name of a topic")
        self._topic = topic
        self._deadline = deadline
        self._options = {
            **options,
            "bootstrap_servers": bootstrap_servers,
            "acks": "all",
            "enable_idempotence": True,
        }
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        # aiokafka takes the loop that runs when it is made.
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return self

    async def __aexit__(self, *_: object) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # What was given up on may still wait for a broker that is away: it holds nobody up.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._deadline):
                    await producer.stop()

    async def send(
        self, *, headers: Sequence[tuple[str, bytes]] = (), **message: Unpack[OnTopic]
    ) -> Requested:
        """Produce a request (`OnTopic` has the fields), and wait until the broker has it.

        Without an `idempotency_key` it is given one, without a `reference` its key. Whether the platform
        accepts it, `sms.status.v1` says: as `queued`, or as `failed` with a code.

        Args:
            headers: of the record, such as `traceparent`.
            message: the fields.

        Raises:
            ValueError: no platform would accept it; nothing was produced.
            NotProducedError: the broker refused it: mend what the reason names.
            NotAcknowledgedError: it may have been produced.
        """
        if self._producer is None:
            raise RuntimeError("Requests is used within `async with`")
        key = message.get("idempotency_key")
        key = f"client:{uuid4()}" if key is None else key
        reference = message.get("reference")
        reference = key if reference is None else reference
        fields = {"type": VERSION, **message, "idempotency_key": key, "reference": reference}
        check(fields)
        try:
            async with asyncio.timeout(self._deadline):
                # Repeats of a key meet on one partition. Nothing depends on it.
                done = await self._producer.send_and_wait(
                    self._topic, encoded(fields), key=key.encode(), headers=list(headers)
                )
        except (KafkaError, TimeoutError) as error:
            raise _failed(self._topic, key, error) from error
        return Requested(key, reference, self._topic, done.partition, done.offset)


def _failed(
    topic: str, key: str, error: KafkaError | TimeoutError
) -> NotProducedError | NotAcknowledgedError:
    kind = NotProducedError if isinstance(error, _REFUSALS) else NotAcknowledgedError
    return kind(f"{topic}: {str(error) or type(error).__name__}", idempotency_key=key)
