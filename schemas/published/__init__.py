"""The contracts of the public topics, made of the models; committed in docs/contracts/."""

import json
from typing import Any, Final

from schemas import topics
from schemas.base import Record
from schemas.notifications import Event
from schemas.public import InboundRecord, StatusRecord
from schemas.published import asyncapi, examples, readers, writers

#: The dialect of the schemas.
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: The names of the schemas that are not those of one topic: of what lies on any request topic, and of what
#: subscriptions are POSTed.
REQUEST: Final = "sms.request.v1"
EVENT: Final = "sms.event.v1"


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas of the public records, by name."""
    return {
        REQUEST: {
            **_head(REQUEST, "A request to send a text"),
            "description": "The value of a record on `sms.requests.v1` or `sms.requests.<organization>.v1`. "
            "What fits is read and sent, as far as the directory, the recipient and the provider allow. "
            "Fields that are not listed here are ignored.",
            **writers.request(),
            "examples": list(examples.REQUESTS),
        },
        topics.STATUS: _read(topics.STATUS, "A transition of a message", StatusRecord, examples.STATUSES),
        topics.INBOUND: _read(
            topics.INBOUND,
            "A text that somebody sent to one of our numbers",
            InboundRecord,
            examples.INBOUNDS,
        ),
        EVENT: _read(EVENT, "What a subscription is told", Event, examples.EVENTS),
    }


def files() -> dict[str, str]:
    """All contracts as they are committed, by file name."""
    found = schemas()
    return {
        **{f"{name}.schema.json": _text(schema) for name, schema in found.items()},
        "asyncapi.json": _text(asyncapi.document(found)),
    }


def _head(name: str, title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": f"urn:heliograph:schema:{name}", "title": title}


def _read(name: str, title: str, model: type[Record], shown: tuple[Record, ...]) -> dict[str, Any]:
    """The schema of a record that outsiders read."""
    parts = readers.definitions(model)
    return {
        **_head(name, title),
        **parts.pop(model.__name__),
        "examples": [examples.shown(record) for record in shown],
        "$defs": parts,
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
