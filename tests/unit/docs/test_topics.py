"""The page of the public topics says what the schemas say, and its programs do what it says of them."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import published, topics
from schemas.requests import LARGEST_BYTES, MAX_KEY, MAX_MEDIA, MAX_TEXT, MAX_URL, MAX_VALID_FOR
from schemas.status import State
from tests.contracts.topics import made

PAGE = (Path(__file__).parents[3] / "docs" / "topics.md").read_text(encoding="utf-8")
REQUEST = published.schemas()[published.REQUEST]
REQUESTS = [
    *re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL),
    *re.findall(r"echo '(.*?)'", PAGE),
]


def row(start: str) -> str:
    (found,) = re.findall(rf"^\| {re.escape(start)}.*$", PAGE, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("text", REQUESTS)
def test_its_requests_fit_and_can_be_read(text: str) -> None:
    Draft202012Validator(REQUEST).validate(json.loads(text))


def test_every_field_of_a_request_and_every_header_is_told() -> None:
    for name in REQUEST["properties"]:
        assert f"`{name}`" in PAGE or f'"{name}"' in PAGE or name == "dry_run"
    for name in made.statuses()[0].headers:
        row(f"`{name}`")


def test_limits_are_those_of_the_code() -> None:
    assert f"1 to {MAX_TEXT} characters" in row("`message`")
    assert f"up to {MAX_MEDIA} public http or https URLs of up to {MAX_URL} characters" in row("`media_urls`")
    assert f"up to {MAX_KEY} characters" in row("`idempotency_key`")
    assert f"1 to {MAX_VALID_FOR}" in row("`send_at`")
    assert f"{LARGEST_BYTES // 1024} KiB" in PAGE
    for topic in topics.catalogue():
        if topic.name in {
            topics.REQUESTS,
            topics.STATUS,
            topics.INBOUND,
            topics.dead_letters(topics.REQUESTS),
        }:
            assert f" {topic.retention_ms // 86_400_000} days " in row(f"`{topic.name}`")


def test_every_state_is_told() -> None:
    for state in State:
        row(f"`{state}`")


def test_its_table_is_what_was_told_last_whatever_repeats() -> None:
    programs = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (program,) = (one for one in programs if "def take" in one)
    space: dict[str, Any] = {}
    exec(program, space)
    told = [one.value.encode() for one in made.statuses() if one.name.startswith("delivered")]
    table: dict[str, dict[str, Any]] = {}
    assert [space["take"](table, value) for value in told] == [True, True, True]
    again = [random.Random(1).choice(told) for _ in range(20)]
    assert not any(space["take"](table, value) for value in again)
    ((message_id, record),) = table.items()
    assert record == json.loads(told[-1])
    assert message_id == record["message_id"]
