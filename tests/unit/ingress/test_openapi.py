"""The OpenAPI document: valid, committed as it is, and every example in it is what its schema says."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from ingress import openapi
from ingress.codes import STATUS, Code
from ingress.openapi import shapes
from schemas.requests import NOT_BLANK_PATTERN, ChannelBody, SendBody

PAGE = Path(__file__).parents[3] / "docs" / "openapi.json"
DOCUMENT = openapi.document()
OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for method, operation in path.items()
    if method != "parameters"
}


def test_it_is_committed_as_it_is() -> None:
    """Write it anew with `python -m ingress.openapi`."""
    assert PAGE.read_text(encoding="utf-8") == openapi.text()


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body, of requests and answers, with where it is."""
    for name, operation in OPERATIONS.items():
        if "requestBody" in operation:
            for kind, body in operation["requestBody"]["content"].items():
                yield f"{name}-request-{kind}", body
        for status, answer in operation["responses"].items():
            for kind, body in answer["content"].items():
                yield f"{name}-{status}-{kind}", body
    for name, answer in DOCUMENT["components"]["responses"].items():
        yield name, answer["content"]["application/json"]


def values(body: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in body.get("examples", {}).values()] + (
        [body["example"]] if "example" in body else []
    )


def checked(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {"components": DOCUMENT["components"], **schema}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize(("where", "body"), [pytest.param(*one, id=one[0]) for one in bodies()])
def test_every_body_has_examples_that_are_what_it_says(where: str, body: dict[str, Any]) -> None:
    assert values(body), f"{where} has no example"
    for value in values(body):
        assert checked(body["schema"], value) == []


def test_every_parameter_has_an_example_that_fits() -> None:
    found = [
        parameter
        for holder in (*DOCUMENT["paths"].values(), *OPERATIONS.values())
        for parameter in holder.get("parameters", ())
    ]
    assert found
    for parameter in found:
        assert checked(parameter["schema"], parameter["example"]) == [], parameter["name"]


def problems() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every example of an error: operation, status, body."""
    for name, operation in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            for value in values(answer["content"].get("application/json", {})):
                if "code" in value:
                    yield name, status, value


def test_every_code_has_an_example_with_its_status() -> None:
    found = {value["code"] for _, _, value in problems()}
    elsewhere_422 = {code for code in Code if STATUS[code] == 400}
    for name, status, value in problems():
        code = Code(value["code"])
        on_channel = name == "channel_send" and code in elsewhere_422
        assert int(status) == (422 if on_channel else STATUS[code])
        assert value["status"] == ("failed" if code is Code.SEND_FAILED else int(status))
    elsewhere = {
        value["code"]
        for answer in DOCUMENT["components"]["responses"].values()
        for value in values(answer["content"]["application/json"])
    }
    assert found | elsewhere == {code.value for code in Code}


def test_codes_that_an_operation_does_not_have_do_not_fit() -> None:
    answer = OPERATIONS["status"]["responses"]["404"]["content"]["application/json"]
    (value,) = values(answer)
    assert checked(answer["schema"], {**value, "code": "conflict"})


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_needs_a_key_says_so_and_how(name: str) -> None:
    operation = OPERATIONS[name]
    if operation["security"]:
        assert {"401", "403", "429", "500"} <= set(operation["responses"])
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
        assert "Retry-After" in operation["responses"]["429"]["headers"]
    else:
        assert operation["tags"] == ["Health"]


def test_the_body_has_the_fields_that_rest_callers_have() -> None:
    body = shapes.send_request()
    assert set(body["properties"]) == set(SendBody.model_fields) - {"type", "organization", "use_case_id"}
    assert body["required"] == ["from_phone_number", "to_phone_number", "message"]
    assert body["properties"]["queue"]["default"] is True


def test_the_body_of_the_channel_has_the_same_fields() -> None:
    body = shapes.channel_request()
    ours = {"type", "organization", "from_phone_number", "queue"}
    assert set(body["properties"]) == set(ChannelBody.model_fields) - ours
    assert body["required"] == ["use_case_id", "to_phone_number", "message"]


def test_blank_is_what_python_strips() -> None:
    pattern = re.compile(NOT_BLANK_PATTERN)
    blank = [chr(point) for point in range(sys.maxunicode + 1) if not pattern.search(chr(point))]
    assert blank == [chr(point) for point in range(sys.maxunicode + 1) if chr(point).isspace()]
