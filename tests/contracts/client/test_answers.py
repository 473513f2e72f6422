"""The client's models are those of docs/openapi.json: no field is missing or made up, all words are known."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from heliograph import answers, words
from heliograph.requests import FromNumber, ThroughUseCase
from heliograph.value import Value

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
MODELS: dict[str, type[Value]] = {
    "SendAnswer": answers.Sent,
    "DryRunAnswer": answers.Rehearsal,
    "StatusAnswer": answers.Status,
    "MessageAnswer": answers.Message,
    "FailureAnswer": answers.Failure,
    "StepAnswer": answers.Step,
    "AttemptAnswer": answers.Attempt,
    "ChannelAnswer": answers.ChannelMessage,
    "CancelAnswer": answers.Cancel,
    "QueueStats": answers.QueueStats,
    "QueueFigures": answers.QueueFigures,
    "OptOut": answers.OptOut,
    "OptOutPage": answers.OptOutPage,
    "CanSend": answers.CanSend,
}
WORDS = {
    "Provider": words.Provider,
    "Fault": words.Fault,
    "AttemptOutcome": words.AttemptOutcome,
    "SettledBy": words.SettledBy,
    "EventType": words.EventType,
}


@pytest.mark.parametrize("name", MODELS)
def test_every_field_has_its_place_and_none_is_asked_for_that_may_be_missing(name: str) -> None:
    schema, fields = SCHEMAS[name], MODELS[name].model_fields
    assert set(fields) == set(schema["properties"])
    asked = {field for field, info in fields.items() if info.is_required()}
    assert asked <= set(schema["required"])


def example(schema: dict[str, Any], chance: random.Random) -> Any:
    """A value that fits the schema, of those that this document has."""
    if "$ref" in schema:
        return example(SCHEMAS[schema["$ref"].rsplit("/", 1)[1]], chance)
    if "anyOf" in schema:
        return example(chance.choice(schema["anyOf"]), chance)
    if "const" in schema or "enum" in schema:
        return chance.choice(schema.get("enum", [schema.get("const")]))
    return _of_type(schema, chance)


def _of_type(schema: dict[str, Any], chance: random.Random) -> Any:
    match chance.choice(schema["type"]) if isinstance(schema["type"], list) else schema["type"]:
        case "object":
            named = schema.get("properties", {"x": {"type": "integer"}})
            if "additionalProperties" in schema:
                named = {"telnyx": schema["additionalProperties"]}
            return {name: example(one, chance) for name, one in named.items()}
        case "array":
            return [example(schema["items"], chance) for _ in range(chance.randrange(3))]
        case "string":
            return "2026-04-30T10:15:00.000Z" if schema.get("format") == "date-time" else "text"
        case plain:
            return {"boolean": True, "integer": 3, "number": 1.5, "null": None}[plain]


@pytest.mark.parametrize("name", MODELS)
def test_whatever_fits_the_document_is_read_and_means_the_same(name: str) -> None:
    chance = random.Random(1)
    for _ in range(100):
        value = example(SCHEMAS[name], chance)
        read = MODELS[name].model_validate_json(json.dumps(value))
        said = read.model_dump(mode="json")
        assert _moments(said) == _moments(value)


def _moments(value: Any) -> Any:
    """All moments are one in the examples; they are written in two ways."""
    return json.loads(json.dumps(value).replace("10:15:00.000Z", "10:15:00Z"))


@pytest.mark.parametrize("name", WORDS)
def test_all_words_are_known(name: str) -> None:
    assert {word.value for word in WORDS[name]} == set(SCHEMAS[name]["enum"])


def test_all_states_are_known() -> None:
    shown = SCHEMAS["MessageAnswer"]["properties"]["state"]["enum"]
    assert {state.value for state in words.State} == set(shown)


@pytest.mark.parametrize(("path", "fields"), [("/sms/send", FromNumber), ("/v1/sms/", ThroughUseCase)])
def test_every_field_of_a_request_can_be_asked_for(path: str, fields: Any) -> None:
    request = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    # `dry_run` is a method of its own.
    assert set(fields.__annotations__) | {"dry_run"} == set(request["properties"])
    assert fields.__required_keys__ == set(request["required"])


def test_every_call_is_a_route_and_is_read_as_that_route_answers() -> None:
    from heliograph import calls

    uuid = "d3ffd959-58cb-58ef-b9a9-e638951ee80b"
    made: dict[str, calls.Call[Any]] = {
        "send": calls.send({}),
        "channel_send": calls.send_through({}),
        "status": calls.status(uuid),
        "message": calls.get(uuid),
        "channel_message": calls.get_through(uuid),
        "cancel": calls.cancel(uuid),
        "queues": calls.queue_stats(None),
        "optouts": calls.opt_outs(None, None, None),
        "opt_out": calls.opt_out("+12025550143", None, ""),
        "opt_in": calls.opt_in("+12025550143", None, ""),
        "can_send": calls.can_send("+12025550143"),
    }
    routes = {
        operation["operationId"]: (method.upper(), path, operation["responses"])
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and "operationId" in operation
    }
    names = {model: name for name, model in MODELS.items()}
    for operation, call in made.items():
        method, path, responses = routes[operation]
        filled = path.format(message_id=uuid, number="%2B12025550143")
        assert (call.method, call.path.split("?")[0]) == (method, filled)
        good = json.dumps([answer for status, answer in responses.items() if status.startswith("2")])
        assert f'"#/components/schemas/{names[call.answer]}"' in good, operation
