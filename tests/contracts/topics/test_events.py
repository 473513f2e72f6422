"""The records that outsiders read are CloudEvents 1.0, by the SDK, and carry the trace of their request."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Final

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from schemas import topics
from tests.contracts.topics import made
from tests.contracts.topics.made import Made

STATUSES: Final = made.statuses()
TEXTS: Final = asyncio.run(made.inbound())


def event(one: Made) -> CloudEvent:
    headers = {name: value.encode() for name, value in one.headers.items()}
    found = from_binary(KafkaMessage(headers, one.key, one.value.encode()), JSONFormat(), CloudEvent)
    assert isinstance(found, CloudEvent)
    return found


@pytest.mark.parametrize("one", [*STATUSES, *TEXTS], ids=lambda one: one.name)
def test_the_sdk_reads_each_record_as_an_event(one: Made) -> None:
    found, value = event(one), json.loads(one.value)
    assert found.get_specversion() == "1.0"
    assert found.get_id() == value["id"]
    assert found.get_source() == "/heliograph"
    assert found.get_type() == one.topic
    assert found.get_time() == datetime.fromtimestamp(value["at"] / 1000, UTC)
    assert found.get_datacontenttype() == "application/json"
    assert found.get_data() == value
    about = {topics.STATUS: "message_id", topics.INBOUND: "from_number"}[one.topic]
    assert found.get_subject() == value[about] == one.key


def test_a_source_and_an_id_name_one_event() -> None:
    """As CloudEvents ask for: who drops what he has seen by both loses nothing."""
    names: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for one in (*STATUSES, *TEXTS):
        found, value = event(one), json.loads(one.value)
        about = (one.topic, one.key or "", str(value.get("sequence", value.get("provider_message_id"))))
        names.setdefault((found.get_source(), found.get_id()), set()).add(about)
    assert all(len(about) == 1 for about in names.values())


def test_every_record_has_the_trace_of_its_request() -> None:
    """Receipts, deadlines and cancels have none themselves."""
    name, value = made.TRACE
    assert {one.headers[name] for one in (*STATUSES, *TEXTS)} == {value.decode()}


def test_a_replay_is_the_same_record_with_the_same_headers() -> None:
    assert made.statuses() == STATUSES
