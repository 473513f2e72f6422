"""W3C trace context: a caller's `traceparent` goes along with all that its call becomes."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

TRACEPARENT: Final = "traceparent"
#: https://www.w3.org/TR/trace-context/ §3.2: version 00; what is not that is left out.
_VALUE: Final = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Headers = tuple[tuple[str, bytes], ...]


def trace(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """The header of a record to hand on, if there is one that can be read."""
    for name, value in headers:
        if name.lower() == TRACEPARENT and value is not None and _VALUE.fullmatch(value):
            return ((TRACEPARENT, value),)
    return ()


def of_request(headers: Mapping[str, str]) -> Headers:
    """Likewise of an HTTP request, whose headers are found by their names in lower case."""
    given = headers.get(TRACEPARENT)
    return () if given is None else trace([(TRACEPARENT, given.encode("ascii", "replace"))])
