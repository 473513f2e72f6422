"""What a later version may write: fields that are not known are ignored, such versions are refused."""

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.requested import Fate, Judged, Terms, read
from schemas import published, topics
from schemas.base import DecodeError, Record
from schemas.notifications import Event
from schemas.public import InboundRecord, StatusRecord
from schemas.published import examples
from schemas.requests import SendRequest
from schemas.settings import IntakeSettings, MessageSettings
from tests.fakes.requests import record

MODELS: Final[dict[str, type[Record]]] = {
    published.REQUEST: SendRequest,
    topics.STATUS: StatusRecord,
    topics.INBOUND: InboundRecord,
    published.EVENT: Event,
}
EXAMPLES: Final = [
    pytest.param(MODELS[name], example, id=f"{name}-{place}")
    for name, schema in published.schemas().items()
    for place, example in enumerate(schema["examples"])
]
ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=15)
@given(more=st.dictionaries(st.text(max_size=8).map("x-".__add__), ANYTHING, min_size=1, max_size=3))
@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_fields_that_are_not_known_are_ignored(
    model: type[Record], example: dict[str, Any], more: dict[str, Any]
) -> None:
    parts = {name: _with(one, more) for name, one in example.items()}
    assert model.decode(json.dumps({**more, **parts}).encode()) == model.decode(json.dumps(example).encode())


def _with(part: Any, more: dict[str, Any]) -> Any:
    """`part` with fields that are not known wherever it has fields."""
    if isinstance(part, dict):
        return {**{name: _with(one, more) for name, one in part.items()}, **more}
    return [_with(one, more) for one in part] if isinstance(part, list) else part


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_versions_that_are_not_known_are_refused(model: type[Record], example: dict[str, Any]) -> None:
    if model is Event:
        example = {**example, "data": {**example["data"], "type": "status.v2"}}
    else:
        example = {**example, "type": example.get("type", "sms.request.v1").replace("v1", "v2")}
    with pytest.raises(DecodeError, match=r"type|data"):
        model.decode(json.dumps(example).encode())


def test_a_request_of_a_version_that_is_not_known_is_a_dead_letter_whole() -> None:
    """With its bytes, so that it can be replayed once it is known."""
    value = json.dumps({**examples.FROM_NUMBER, "type": "sms.request.v2"}).encode()
    found = read(record(value), Terms(IntakeSettings(), MessageSettings()))
    assert isinstance(found, Judged)
    assert found.fate is Fate.DEAD
    assert found.outgoing.topic == topics.dead_letters(topics.REQUESTS)
    assert found.outgoing.value == value
    assert b"type" in dict(found.outgoing.headers)["helio-dlq-reason"]
