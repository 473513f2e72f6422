"""The client's records are those of docs/contracts: it reads whatever the platform writes, and all of it."""

import json
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from heliograph import answers, records, webhooks, words
from heliograph.requests import OnTopic, check, encoded
from heliograph.value import Value
from schemas.base import Record
from schemas.directory import EventType
from schemas.published import examples
from schemas.signing import secret_of, shown, sign

CONTRACTS = Path(__file__).parents[3] / "docs" / "contracts"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def contract(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTRACTS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


STATUS, INBOUND, REQUEST = (contract(f"sms.{name}.v1") for name in ("status", "inbound", "request"))
MODELS: dict[type[Value], dict[str, Any]] = {
    records.StatusRecord: STATUS,
    records.RecordedStep: STATUS["$defs"]["Step"],
    records.RecordedAttempt: STATUS["$defs"]["Attempt"],
    answers.Failure: STATUS["$defs"]["Failure"],
    records.InboundRecord: INBOUND,
    records.Media: INBOUND["$defs"]["Media"],
}
WORDS: dict[str, AbstractSet[str]] = {
    # That it is being handed over is no transition.
    "State": set(words.State) - {words.State.SENDING},
    "Provider": set(words.Provider),
    "Fault": set(words.Fault),
    "AttemptOutcome": set(words.AttemptOutcome),
    "SettledBy": set(words.SettledBy),
    "Keyword": set(words.Keyword),
}


@pytest.mark.parametrize("model", MODELS)
def test_every_field_has_its_place_and_none_is_asked_for_that_may_be_missing(model: type[Value]) -> None:
    schema = MODELS[model]
    assert set(model.model_fields) == set(schema["properties"])
    asked = {name for name, field in model.model_fields.items() if field.is_required()}
    assert asked <= set(schema["required"])


@pytest.mark.parametrize("name", WORDS)
def test_all_words_are_known(name: str) -> None:
    schema = (STATUS["$defs"] | INBOUND["$defs"])[name]
    assert WORDS[name] == {one["const"] for one in schema["anyOf"] if "const" in one}


def plain(value: Any) -> Any:
    """What a model says, as the record said it: moments in milliseconds, and nothing that is None."""
    match value:
        case datetime():
            return (value - EPOCH) // timedelta(milliseconds=1)
        case dict():
            return {name: plain(one) for name, one in value.items() if one is not None}
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return value


@pytest.mark.parametrize(
    ("record", "model"),
    [
        *((record, records.StatusRecord) for record in examples.STATUSES),
        *((record, records.InboundRecord) for record in examples.INBOUNDS),
    ],
)
def test_a_record_is_read_without_loss(record: Record, model: type[Value]) -> None:
    read = model.model_validate_json(record.encode())
    assert plain(read.model_dump()) == json.loads(record.encode())


def test_every_field_of_a_request_can_be_asked_for() -> None:
    # The client writes the version of the contract, and cannot rehearse on a topic.
    assert set(OnTopic.__annotations__) == set(REQUEST["properties"]) - {"type", "dry_run"}


@pytest.mark.parametrize("request_", examples.REQUESTS)
def test_what_the_contract_takes_is_produced_and_fits(request_: dict[str, Any]) -> None:
    check(request_)
    jsonschema.validate(json.loads(encoded(request_)), REQUEST)


def test_all_events_are_known() -> None:
    assert {event.value for event in words.EventType} == {event.value for event in EventType}


@pytest.mark.parametrize("index", range(len(contract("sms.event.v1")["examples"])))
def test_what_a_subscription_is_posted_is_verified_and_read_as_its_kind(index: int) -> None:
    event = contract("sms.event.v1")["examples"][index]
    secret = secret_of("acme", "orders", 1, "a root")
    body = json.dumps(event).encode()
    headers = {"webhook-id": "n-1", "webhook-timestamp": "1000"}
    headers["webhook-signature"] = sign(secret, "n-1", 1000, body)
    told = webhooks.verify(body, headers, shown(secret), now=1000)
    assert isinstance(told.type, words.EventType)
    assert isinstance(told.data, Value)
    assert plain(told.data.model_dump()) == event["data"]
