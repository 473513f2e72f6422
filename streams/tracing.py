"""W3C trace context: the `traceparent` of a record goes along with all that it produces."""

from collections.abc import Sequence

from streams.engine import Record

_TRACEPARENT = "traceparent"


def trace(record: Record) -> Sequence[tuple[str, bytes]]:
    """The header to hand on, if the record has one."""
    return [header for header in record.headers if header[0] == _TRACEPARENT]
