"""W3C trace context: a caller's `traceparent` goes along with the record that its call becomes."""

import re
from collections.abc import Mapping
from typing import Final

_TRACEPARENT: Final = "traceparent"
#: https://www.w3.org/TR/trace-context/ §3.2: version 00; what is not that is left out.
_VALUE: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def trace(headers: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """The record's header, if there is one that can be read."""
    value = headers.get(_TRACEPARENT, "")
    return ((_TRACEPARENT, value.encode()),) if _VALUE.fullmatch(value) else ()
