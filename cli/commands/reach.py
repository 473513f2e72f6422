"""Kafka's trouble in one sentence."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from broker.refusal import RefusedError, denied
from cli.commands.trouble import Exit, TroubleError
from schemas.settings import KafkaSettings


@contextmanager
def reached(kafka: KafkaSettings) -> Iterator[None]:
    """Within it, whatever keeps Kafka's clients from working is a `TroubleError`."""
    # The clients log each refused connection; the one sentence below says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        yield
    except UnknownTopicOrPartitionError:
        raise TroubleError("a topic is missing: make them with `helio topics`", Exit.NO) from None
    except RefusedError as error:
        raise TroubleError(str(error), Exit.NO) from None
    except KafkaError as error:
        if why := denied(error):
            raise TroubleError(why, Exit.NO) from None
        raise TroubleError(
            f"Kafka at {kafka.bootstrap_servers} does not answer as it should ({type(error).__name__}): "
            "is it running, and is HELIO_KAFKA__BOOTSTRAP_SERVERS right?",
            Exit.UNREACHABLE,
        ) from None
