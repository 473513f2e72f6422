"""Requests and statuses on Kafka, without the REST API.

Needs the extra: `pip install 'heliograph-client[kafka]'`.
"""

try:
    import aiokafka as _aiokafka  # noqa: F401  # asked for here, so that one sentence says what is missing
except ImportError as _error:
    raise ImportError("heliograph.kafka needs aiokafka: pip install 'heliograph-client[kafka]'") from _error

from heliograph.kafka.consuming import InboundStream, StatusStream, Stream
from heliograph.kafka.dead import DeadRecord, DeadRecordError
from heliograph.kafka.producing import NotAcknowledgedError, NotProducedError, Requested, Requests

__all__ = [
    "DeadRecord",
    "DeadRecordError",
    "InboundStream",
    "NotAcknowledgedError",
    "NotProducedError",
    "Requested",
    "Requests",
    "StatusStream",
    "Stream",
]
