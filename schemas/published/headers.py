"""The headers of the public records, as schemas: what may be sent, and what is found."""

from collections.abc import Mapping
from typing import Any, Final

from schemas import cloudevents

_TRACEPARENT: Final = {
    "type": "string",
    "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    "description": "W3C trace context of the request, handed on to every status record of the message. "
    "What cannot be read as version 00 is left out.",
    "examples": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
}


def of_request() -> dict[str, Any]:
    """The headers of a request: none is needed."""
    return {
        "type": "object",
        "description": "None is needed, and others do no harm.",
        "properties": {"traceparent": _TRACEPARENT},
    }


def of_event(name: str, subject: str) -> dict[str, Any]:
    """The headers of an event of type `name`, whose subject is described by `subject`."""
    said = {
        "ce_specversion": {"const": "1.0", "description": "CloudEvents 1.0, binary mode."},
        "ce_id": {"description": "The record's `id`: the same for every repeat."},
        "ce_source": {"const": cloudevents.SOURCE.decode(), "description": "The platform."},
        "ce_type": {"const": name, "description": "The name of the record's schema."},
        "ce_time": {"format": "date-time", "description": "The record's `at`, as RFC 3339 in UTC."},
        "ce_subject": {"description": subject},
        "content-type": {"const": "application/json", "description": "Of the value: JSON in UTF-8."},
    }
    return {
        "type": "object",
        "description": "The attributes of CloudEvents 1.0, and the trace where the request had one.",
        "properties": {name: {"type": "string", **one} for name, one in said.items()}
        | {"traceparent": _TRACEPARENT},
        "required": list(said),
    }


def of_notification() -> dict[str, Any]:
    """The headers of what a subscription is POSTed: Standard Webhooks."""
    said = {
        "webhook-id": "The same for every try, and for every repeat of the event.",
        "webhook-timestamp": "When this try was made: seconds since the epoch.",
        "webhook-signature": "One or several, separated by spaces: `v1,` and the base64 of an HMAC-SHA256.",
    }
    return {
        "type": "object",
        "description": "As Standard Webhooks say.",
        "properties": {name: {"type": "string", "description": text} for name, text in said.items()},
        "required": list(said),
    }


def of_dead_letter() -> dict[str, Any]:
    """The headers that a dead letter has beside those of its record."""
    said: Mapping[str, str] = {
        "reason": "Why it could not be read: one sentence, which never quotes the value.",
        "topic": "Where it lay.",
        "partition": "Likewise.",
        "offset": "Likewise.",
        "timestamp": "Its time there, milliseconds since the epoch.",
        "value": "`bytes`, or `null` where it had no value.",
    }
    return {
        "type": "object",
        "description": "The record's own headers, and these.",
        "properties": {
            f"helio-dlq-{name}": {"type": "string", "description": text} for name, text in said.items()
        },
        "required": [f"helio-dlq-{name}" for name in said],
    }
