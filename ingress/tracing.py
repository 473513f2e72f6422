"""W3C trace context: a caller's `traceparent` goes along with all that its request becomes."""

import re
from collections.abc import Iterable
from typing import Final

TRACEPARENT: Final = "traceparent"
#: https://www.w3.org/TR/trace-context/ §3.2: version 00; what is not that is left out.
_VALUE: Final = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Headers = tuple[tuple[str, bytes], ...]


def trace(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """The header to hand on, if there is one that can be read."""
    for name, value in headers:
        if name.lower() == TRACEPARENT and value is not None and _VALUE.fullmatch(value):
            return ((TRACEPARENT, value),)
    return ()
