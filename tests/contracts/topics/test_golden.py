"""Records of every released version are read to the same meaning, and what would break outsiders is seen."""

import asyncio
import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from schemas import published, topics
from schemas.base import Record
from schemas.notifications import Event
from schemas.provider import Provider
from schemas.public import AttemptOutcome, InboundRecord, Keyword, SettledBy, StatusRecord
from schemas.status import State
from tests.contracts.topics import made
from tests.contracts.topics.compatible import breaks_readers, breaks_writers
from tests.contracts.topics.record import CORPUS, lines

TODAY: Final = published.schemas()
FOLDERS: Final = sorted(CORPUS.iterdir())
MODELS: Final[dict[str, type[Record]]] = {
    topics.STATUS: StatusRecord,
    topics.INBOUND: InboundRecord,
    published.EVENT: Event,
}


def golden(name: str) -> list[dict[str, Any]]:
    """The records of schema `name` of all versions."""
    files = [folder / f"{name}.jsonl" for folder in FOLDERS]
    found = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert found
    return found


def held(part: Any, whole: Any) -> bool:
    """Whether all that `part` says is said by `whole`, which may have more fields."""
    match part:
        case dict():
            return isinstance(whole, dict) and all(
                n in whole and held(one, whole[n]) for n, one in part.items()
            )
        case list():
            same = isinstance(whole, list) and len(part) == len(whole)
            return same and all(map(held, part, whole))
        case _:
            return bool(part == whole)


def test_a_request_of_then_means_the_same() -> None:
    """Its id and its fingerprint too: a repeat after an upgrade is the same message, and no conflict."""
    validator = Draft202012Validator(TODAY[published.REQUEST])
    for one in golden(published.REQUEST):
        validator.validate(json.loads(one["value"]))
        assert held(one["means"], made.meaning(one["value"])), one["name"]


@pytest.mark.parametrize("name", MODELS)
def test_a_record_of_then_is_read_whole(name: str) -> None:
    validator = Draft202012Validator(TODAY[name])
    for one in golden(name):
        then = json.loads(one["value"])
        validator.validate(then)
        assert held(then, json.loads(MODELS[name].decode(one["value"].encode()).encode())), one["name"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_schemas_of_then_are_kept(folder: Path) -> None:
    for name, schema in TODAY.items():
        then = json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))
        breaks = breaks_writers if name == published.REQUEST else breaks_readers
        assert breaks(then, schema) == []


def test_todays_records_are_what_the_schemas_say() -> None:
    for name, found in asyncio.run(lines()).items():
        validator = Draft202012Validator(TODAY[name])
        for one in found:
            validator.validate(json.loads(one["value"]))


def test_the_corpus_has_every_word() -> None:
    """What a release can say, its records say."""
    told = [StatusRecord.decode(one.value.encode()) for one in made.statuses()]
    texts = [InboundRecord.decode(one.value.encode()) for one in asyncio.run(made.inbound())]
    assert {one.status for one in told} == set(State)
    assert {one.settled_by for one in told} == {None, *SettledBy}
    assert {attempt.outcome for one in told for attempt in one.attempts} == set(AttemptOutcome)
    assert {one.redacted for one in told} == {False, True}
    assert {one.provider for one in texts} == set(Provider)
    assert {one.keyword for one in texts} == {None, *Keyword}


# ---- changes that the check must see


def at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for step in path.split("/"):
        schema = schema[step]
    return schema


def put(path: str, **fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda schema: at(schema, path).update(fields)


def drop(path: str, name: str) -> Callable[[dict[str, Any]], None]:
    return lambda schema: at(schema, path).pop(name)


def optional(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda schema: schema["required"].remove(name)


def required(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda schema: schema["required"].append(name)


def reworded(schema: dict[str, Any]) -> None:
    at(schema, "$defs/State")["anyOf"][3]["const"] = "arrived"


def another_word(schema: dict[str, Any]) -> None:
    at(schema, "$defs/State")["anyOf"].insert(0, {"const": "parked"})


def never_null(schema: dict[str, Any]) -> None:
    at(schema, "properties/reference")["anyOf"].pop()


def shorter(schema: dict[str, Any]) -> None:
    at(schema, "properties/idempotency_key")["anyOf"][0]["maxLength"] = 64


def changed(name: str, change: Callable[[dict[str, Any]], None]) -> Mapping[str, Any]:
    schema = copy.deepcopy(TODAY[name])
    change(schema)
    return schema


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(drop("properties", "sequence"), id="a field is gone"),
        pytest.param(drop("properties", "reference"), id="an optional field is gone"),
        pytest.param(optional("to_number"), id="a field may be missing"),
        pytest.param(put("properties/sequence", type="string"), id="another type"),
        pytest.param(put("properties/sequence", type=["integer", "null"]), id="null"),
        pytest.param(put("properties/at", type="number"), id="fractions"),
        pytest.param(drop("properties/at", "minimum"), id="before 1970"),
        pytest.param(put("properties/type", const="status.v2"), id="another version"),
        pytest.param(put("properties/redacted", default=True), id="another default"),
        pytest.param(drop("$defs/Failure/properties", "code"), id="a field of a part is gone"),
        pytest.param(put("properties/media/items", type="object"), id="another type of items"),
        pytest.param(reworded, id="another word for a state"),
    ],
)
def test_what_breaks_readers_is_seen(change: Callable[[dict[str, Any]], None]) -> None:
    assert breaks_readers(TODAY[topics.STATUS], changed(topics.STATUS, change))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(required("reference"), id="a field is needed"),
        pytest.param(drop("properties", "valid_for"), id="a field is not heeded"),
        pytest.param(put("properties/message", maxLength=160), id="shorter texts"),
        pytest.param(put("properties/message", minLength=2), id="longer texts"),
        pytest.param(put("properties/message", pattern="^[a-z]+$"), id="another pattern"),
        pytest.param(put("properties/queue", type="string"), id="another type"),
        pytest.param(put("properties/queue", const=True), id="fewer values"),
        pytest.param(put("properties/queue", default=False), id="another default"),
        pytest.param(put("properties/type", const="sms.request.v2"), id="another version"),
        pytest.param(lambda schema: schema.update(additionalProperties=False), id="unknown fields"),
        pytest.param(never_null, id="null"),
        pytest.param(shorter, id="shorter keys"),
        pytest.param(lambda schema: schema["oneOf"].pop(), id="a way to send"),
    ],
)
def test_what_breaks_writers_is_seen(change: Callable[[dict[str, Any]], None]) -> None:
    assert breaks_writers(TODAY[published.REQUEST], changed(published.REQUEST, change))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param(topics.STATUS, put("properties", parked={"type": "string"}), id="a new field to read"),
        pytest.param(topics.STATUS, another_word, id="a new word"),
        pytest.param(topics.STATUS, required("reference"), id="a field is always there"),
        pytest.param(published.REQUEST, put("properties", urgent={"type": "boolean"}), id="a new wish"),
        pytest.param(published.REQUEST, put("properties/message", maxLength=3200), id="longer texts"),
    ],
)
def test_what_breaks_nobody_is_let_through(name: str, change: Callable[[dict[str, Any]], None]) -> None:
    breaks = breaks_writers if name == published.REQUEST else breaks_readers
    assert breaks(TODAY[name], changed(name, change)) == []
