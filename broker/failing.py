"""With which exit code a service ends that cannot go on."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from aiokafka.errors import KafkaError

from broker.refusal import RefusedError, denied
from broker.topics import TopicsDifferError
from schemas.environment import MissetError
from schemas.exits import Exit

Codes = Mapping[type[Exception], Exit]
_CODES: Final[Codes] = {
    TopicsDifferError: Exit.TOPICS,
    RefusedError: Exit.REFUSED,
    MissetError: Exit.REFUSED,
    KafkaError: Exit.CRASH,
}
_NONE: Final[Codes] = MappingProxyType({})


@contextmanager
def failing(service: str, own: Codes = _NONE) -> Iterator[None]:
    """End the process with the code of what escapes the block, alone or in groups; it is logged as `service`.

    `own` says the codes of errors that only this service knows. What has no code is a fault of ours, and
    goes on as it is: with its traceback, and exit code 1.
    """
    try:
        yield
    except Exception as error:
        codes = {**_CODES, **own}
        found = [(one, _code(one, codes)) for one in _each(error)]
        if any(code is None for _, code in found):
            raise
        for one, code in found:
            # Where a client fails, the place says more than its words.
            said = denied(one) or one
            logging.getLogger(service).critical("%s", said, exc_info=one if code is Exit.CRASH else None)
        sys.exit(found[0][1])


def _each(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _each(one)
    else:
        yield error


def _code(error: Exception, codes: Codes) -> Exit | None:
    if denied(error):
        return Exit.REFUSED
    return next((code for kind, code in codes.items() if isinstance(error, kind)), None)
