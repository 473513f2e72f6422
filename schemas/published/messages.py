"""The messages of the AsyncAPI document: what each holds, its headers, its key, and examples."""

from typing import Any, Final

from schemas import cloudevents, dead_letters, signing, topics
from schemas.notifications import Event, SwitchedOff, id_of
from schemas.public import InboundRecord, StatusRecord
from schemas.published import examples, headers

#: The version of AsyncAPI's Kafka bindings.
BINDING: Final = "0.5.0"
_TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def messages() -> dict[str, Any]:
    """All messages, by name."""
    return {
        "Request": {
            "name": "sms.request.v1",
            "title": "A request to send a text",
            "headers": headers.of_request(),
            "payload": _ref("Request"),
            "bindings": _keyed("Any, or none: order and identity do not depend on it."),
            "examples": [
                {"name": "traced", "headers": {"traceparent": _TRACEPARENT}, "payload": examples.FROM_NUMBER},
                {"name": "use-case", "payload": examples.THROUGH_USE_CASE},
                {"name": "short", "payload": examples.SHORT},
            ],
        },
        "Status": {
            "name": topics.STATUS,
            "title": "A transition of a message",
            "headers": headers.of_event(topics.STATUS, "The message: its `message_id`."),
            "payload": _ref("Status"),
            "bindings": _keyed("The `message_id`: all records of a message lie in one partition, in order."),
            "examples": [
                _shown(name, record, topics.STATUS, record.message_id)
                for name, record in (
                    ("delivered", examples.DELIVERED),
                    ("undelivered", examples.UNDELIVERED),
                    ("refused", examples.REFUSED),
                    ("redacted", examples.REDACTED),
                )
            ],
        },
        "Inbound": {
            "name": topics.INBOUND,
            "title": "A text that somebody sent to one of our numbers",
            "headers": headers.of_event(topics.INBOUND, "The handset: its `from_number`."),
            "payload": _ref("Inbound"),
            "bindings": _keyed("The handset: all of its texts lie in one partition."),
            "examples": [
                _shown(name, record, topics.INBOUND, record.from_number)
                for name, record in (("picture", examples.INBOUND), ("stop", examples.STOP))
            ],
        },
        "Event": {
            "name": "sms.event.v1",
            "title": "What a subscription is told",
            "headers": headers.of_notification(),
            "payload": _ref("Event"),
            "examples": [
                _posted("delivered", examples.DELIVERED),
                _posted("text", examples.INBOUND),
                _posted("switched-off", examples.SWITCHED_OFF),
            ],
        },
        "DeadLetter": {
            "name": "deadLetter",
            "title": "A request that could not be read",
            "contentType": "application/octet-stream",
            "headers": headers.of_dead_letter(),
            "payload": {"description": "The record's bytes as they came; empty where it had none."},
            "bindings": _keyed("As it came."),
            "examples": [
                {"name": "not-json", "headers": _dead(b"Hello"), "payload": "Hello"},
            ],
        },
    }


def _keyed(description: str) -> dict[str, Any]:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": BINDING}}


def _shown(name: str, record: StatusRecord | InboundRecord, topic: str, subject: str) -> dict[str, Any]:
    event = cloudevents.headers(id=record.id, type=topic, at=record.at, subject=subject)
    found = {key: value.decode() for key, value in event}
    return {
        "name": name,
        "headers": {**found, "traceparent": _TRACEPARENT},
        "payload": examples.shown(record),
    }


def _posted(name: str, record: StatusRecord | InboundRecord | SwitchedOff) -> dict[str, Any]:
    event, seconds = Event.of(record), record.at // 1000 + 1
    told = id_of(record, "orders")
    secret = signing.secret_of("acme", "orders", 1, "an example")
    found = {
        "webhook-id": told,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signing.sign(secret, told, seconds, event.encode()),
    }
    return {"name": name, "headers": found, "payload": examples.shown(event)}


def _dead(value: bytes) -> dict[str, str]:
    letter = dead_letters.dead_letter(
        topic=topics.REQUESTS,
        partition=2,
        offset=1207,
        timestamp_ms=examples.AT,
        key=None,
        value=value,
        headers=(),
        reason="the record: Invalid JSON: expected value at line 1 column 1",
    )
    return {name: text.decode() for name, text in letter.headers}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
