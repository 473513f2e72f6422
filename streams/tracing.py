"""W3C trace context: the `traceparent` of a record goes along with all that it produces.

And that of a request with all that is told of its message: receipts and policies know nothing of it.
"""

from collections.abc import Sequence

from schemas.tracing import TRACEPARENT
from streams.engine import Record
from streams.rows import Row


def trace(record: Record) -> Sequence[tuple[str, bytes]]:
    """The header to hand on, if the record has one."""
    return [header for header in record.headers if header[0] == TRACEPARENT]


def begun(before: Row | None, row: Row, record: Record) -> Row:
    """The row after `record`; with its trace, if that is what makes the row tell."""
    if row.origin is None or (before is not None and before.origin is not None):
        return row
    return row._replace(trace=next((value.decode("latin-1") for _, value in trace(record)), None))


def told(row: Row, record: Record) -> Sequence[tuple[str, bytes]]:
    """The header of what is told of `row` on account of `record`: its own trace before any other."""
    return trace(record) if row.trace is None else [(TRACEPARENT, row.trace.encode("latin-1"))]
