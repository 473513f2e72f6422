"""The client of Heliograph, the self-hosted SMS platform.

`Client` and `AsyncClient` speak REST, `heliograph.webhooks` verifies what the platform posts, and
`heliograph.kafka` (extra `kafka`) produces requests and follows the public topics.
"""

from heliograph.aio import AsyncClient
from heliograph.client import Client
from heliograph.errors import (
    ApiError,
    ConflictError,
    HeliographError,
    NoAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    SendFailedError,
    UnauthenticatedError,
    UnavailableError,
    UnreadableAnswerError,
)
from heliograph.records import InboundRecord, StatusRecord
from heliograph.retries import Retries
from heliograph.version import VERSION
from heliograph.words import ENDED, AttemptOutcome, EventType, Fault, Keyword, Provider, SettledBy, State

__version__ = VERSION

__all__ = [
    "ENDED",
    "ApiError",
    "AsyncClient",
    "AttemptOutcome",
    "Client",
    "ConflictError",
    "EventType",
    "Fault",
    "HeliographError",
    "InboundRecord",
    "Keyword",
    "NoAnswerError",
    "NotFoundError",
    "Provider",
    "RateLimitedError",
    "RefusedError",
    "Retries",
    "SendFailedError",
    "SettledBy",
    "State",
    "StatusRecord",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreadableAnswerError",
    "__version__",
]
