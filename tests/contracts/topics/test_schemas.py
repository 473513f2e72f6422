"""The JSON Schemas of the public records: committed as made, valid, described, with true examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import published

FOLDER = Path(__file__).parents[3] / "docs" / "contracts"
SCHEMAS = published.schemas()


def test_they_are_committed_as_they_are_made() -> None:
    """Write them anew with `python -m schemas.published`."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert committed == published.files()


@pytest.mark.parametrize("name", SCHEMAS)
def test_they_are_json_schemas(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMAS[name]["$id"] == f"urn:heliograph:schema:{name}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_their_examples_are_what_they_say(name: str) -> None:
    validator = Draft202012Validator(SCHEMAS[name])
    assert SCHEMAS[name]["examples"]
    for example in SCHEMAS[name]["examples"]:
        validator.validate(example)


def undescribed(schema: dict[str, Any], where: str) -> Iterator[str]:
    """The places of `schema` that say nothing of themselves."""
    if "description" not in schema:
        yield where
    for name, part in schema.get("properties", {}).items():
        yield from undescribed(part, f"{where}.{name}")
    for name, part in schema.get("$defs", {}).items():
        yield from undescribed(part, name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_described(name: str) -> None:
    assert list(undescribed(SCHEMAS[name], name)) == []
