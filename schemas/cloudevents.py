"""CloudEvents 1.0, binary mode over Kafka: the attributes ride in headers, the value is the data itself.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md §3.2
"""

from datetime import UTC, datetime
from typing import Final

from schemas.base import LAST_MILLIS

#: Who says it: the platform, whichever process of it.
SOURCE: Final = b"/heliograph"
_JSON: Final = b"application/json"


def headers(*, id: str, type: str, at: int, subject: str) -> list[tuple[str, bytes]]:  # noqa: A002  # its names
    """The headers of an event.

    Args:
        id: the same for every repeat of the event.
        type: such as `sms.status.v1`.
        at: when it happened, milliseconds since the epoch; what no calendar has is its first or last moment.
        subject: what it is about: a message id.
    """
    time = datetime.fromtimestamp(min(max(at, 0), LAST_MILLIS) / 1000, UTC).isoformat(timespec="milliseconds")
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", SOURCE),
        ("ce_type", type.encode()),
        ("ce_time", time.removesuffix("+00:00").encode() + b"Z"),
        ("ce_subject", subject.encode()),
        ("content-type", _JSON),
    ]
