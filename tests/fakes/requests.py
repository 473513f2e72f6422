"""Records of request topics, and what intake makes of them."""

import json
from typing import Any

from aiokafka import ConsumerRecord

from ingress.requested import Judged, Read, Terms, judge, read
from schemas.settings import IntakeSettings, MessageSettings
from schemas.topics import requests_of
from tests.fakes import world

DIRECTORY = world.directory()
BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
NOW = 1_700_000_000_000
OWN = requests_of("acme")


def record(
    value: bytes | None, *, topic: str = OWN, key: bytes | None = b"any", **more: Any
) -> ConsumerRecord:
    return ConsumerRecord(
        topic=topic,
        partition=more.get("partition", 2),
        offset=more.get("offset", 7),
        timestamp=more.get("timestamp", NOW),
        timestamp_type=1,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=more.get("headers", ()),
    )


def judged(
    found: ConsumerRecord, *, owner: str | None = None, trusted: bool = False, now: int = NOW
) -> Judged:
    intake = IntakeSettings(owner=owner, trusted=trusted)
    terms = Terms(intake, MessageSettings())
    asked = read(found, terms)
    return judge(asked, DIRECTORY, terms, now) if isinstance(asked, Read) else asked


def having(**fields: Any) -> bytes:
    return json.dumps({**BODY, **fields}).encode()
