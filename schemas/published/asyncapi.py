"""The AsyncAPI 3.0 document of the public topics, as pure data, from the view of who uses them.

https://www.asyncapi.com/docs/reference/specification/v3.0.0. The payloads are the JSON Schemas of this
package as AsyncAPI's own schemas: their references point into this document.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas import topics
from schemas.published.messages import BINDING, messages

_VERSION: Final = "0.1.0"
_ABOUT: Final = """\
Send texts by producing to a request topic, and learn what becomes of them by consuming `sms.status.v1`. Texts
that handsets send come on `sms.inbound.v1`. Whoever has no Kafka is told of both by subscriptions.

The operations are those of your application. `docs/topics.md` says in words what the records promise.
"""
_OWN: Final = "sms.requests.{organization}.v1"


def document(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole document; `schemas` are the JSON Schemas by name."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Heliograph",
            "version": _VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": messages(),
            "schemas": _components(schemas),
            "securitySchemes": {
                "scram256": {"type": "scramSha256", "description": "SASL/SCRAM-SHA-256."},
                "scram512": {"type": "scramSha512", "description": "SASL/SCRAM-SHA-512."},
                "plain": {"type": "plain", "description": "SASL/PLAIN, over TLS alone."},
                "certificate": {"type": "X509", "description": "A client certificate."},
            },
        },
    }


def _servers() -> dict[str, Any]:
    return {
        "development": {
            "host": "127.0.0.1:9092",
            "protocol": "kafka",
            "description": "As `helio up` starts it, where that port is free (`kafka` in `.helio/run.json`).",
        },
        "cluster": {
            "host": "{bootstrap}",
            "protocol": "kafka-secure",
            "description": "Your cluster, with the security that it asks for.",
            "variables": {"bootstrap": {"description": "A broker: host and port.", "default": "kafka:9093"}},
            "security": [
                {"$ref": f"#/components/securitySchemes/{name}"}
                for name in ("scram256", "scram512", "plain", "certificate")
            ],
        },
        "endpoint": {
            "host": "{host}",
            "protocol": "https",
            "description": "Your own, which your subscription names.",
            "variables": {"host": {"description": "Yours.", "default": "orders.example.com"}},
        },
    }


def _channels() -> dict[str, Any]:
    return {
        "requests": {
            **_channel(topics.REQUESTS, "Request"),
            "description": "Requests of everybody: whose they are is a setting of the platform, or said by "
            "the record where its producers are trusted.",
        },
        "ownRequests": {
            **_channel(topics.REQUESTS, "Request", _OWN),
            "description": "Requests of one organization, whatever the records claim.",
            "parameters": {
                "organization": {
                    "description": "The organization, as the directory names it.",
                    "examples": ["acme"],
                }
            },
        },
        "status": {
            **_channel(topics.STATUS, "Status"),
            "description": "Every transition of every message, in order for each message.",
        },
        "inbound": {
            **_channel(topics.INBOUND, "Inbound"),
            "description": "Texts from handsets, in order for each handset.",
        },
        "deadRequests": {
            **_channel(topics.dead_letters(topics.REQUESTS), "DeadLetter"),
            "description": "Requests that could not be read: bytes of all producers, so for operators alone.",
        },
        "events": {
            "address": None,
            "description": "What your subscription is told, by POST to its URL (`docs/notifiers.md`).",
            "servers": [{"$ref": "#/servers/endpoint"}],
            "messages": {"Event": {"$ref": "#/components/messages/Event"}},
        },
    }


def _channel(topic: str, message: str, address: str | None = None) -> dict[str, Any]:
    setup = {one.name: one for one in topics.catalogue()}[topic]
    return {
        "address": address or topic,
        "servers": [{"$ref": f"#/servers/{name}"} for name in ("development", "cluster")],
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": setup.retention_ms,
                    "max.message.bytes": setup.max_message_bytes,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _operations() -> dict[str, Any]:
    return {
        "sendRequest": _operation("send", "requests", "Request", "Send a text."),
        "sendOwnRequest": _operation(
            "send", "ownRequests", "Request", "Send a text on your organization's own topic."
        ),
        "receiveStatus": _operation("receive", "status", "Status", "Learn what becomes of messages."),
        "receiveInbound": _operation("receive", "inbound", "Inbound", "Receive the texts of handsets."),
        "receiveDeadRequest": _operation(
            "receive", "deadRequests", "DeadLetter", "Look into requests that could not be read."
        ),
        "receiveEvent": {
            **_operation("receive", "events", "Event", "Be told at your own endpoint."),
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        },
    }


def _operation(action: str, channel: str, message: str, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _components(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All schemas by name, each once, with their references into this document."""
    found: dict[str, Any] = {}
    for name, schema in schemas.items():
        whole = {key: one for key, one in schema.items() if key not in {"$schema", "$id", "$defs"}}
        found[_named(name)] = _pointed(whole)
        found.update({part: _pointed(one) for part, one in schema.get("$defs", {}).items()})
    return found


def _named(schema: str) -> str:
    """`sms.status.v1` is `Status` here."""
    return schema.split(".")[1].capitalize()


def _pointed(schema: Any) -> Any:
    match schema:
        case dict():
            return {
                key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _pointed(value)
                for key, value in schema.items()
            }
        case list():
            return [_pointed(one) for one in schema]
        case _:
            return schema
