"""The running REST door against its own OpenAPI document: schemathesis, with all its checks, finds nothing.

It makes valid and invalid requests of the document in four ways (its examples, the edges of each schema, at
random, and in chains along the links), and holds every answer to the document.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

from cli.local.stack import Stack
from directory.apply import apply
from ingress import openapi
from schemas.settings import KafkaSettings
from tests.fakes.world import sha256

pytestmark = pytest.mark.e2e

#: For each operation in each of the two phases that draw at random.
EXAMPLES: Final = 40
#: It takes half a minute on two quiet cores; this only ends a run that hangs.
BOUND_SECONDS: Final = 300
#: The demo's, at Twilio and Vonage. Telnyx takes fewer segments than a text of 1600 characters may have,
#: which no JSON Schema can say: its senders would refuse what the document allows.
SENDERS: Final = ("+14155550100", "+13125550120")
HANDSETS: Final = ("+12025550143", "+12025550144")
#: The demo's, and one that is not there.
USE_CASES: Final = (
    "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10",
    "1c4e7b7e-9a43-4d0c-8a37-6f4b0a8d2c31",
    "00000000-0000-4000-8000-000000000000",
)
#: What tenants and operators use, in runs of their own: admins change what senders lean on.
SENDING: Final = ("Messages", "Use cases", "Health")
ADMIN: Final = ("Opt-outs", "Admin")
WARNINGS: Final = ("unused_openapi_auth", "unsupported_regex", "method_not_allowed", "unmatched_filter",
                   "dictionary_mismatch")  # fmt: skip
#: Of what is sent, senders and messages are there. What an admin made up names entities that are not.
OF_SENDING: Final = (*WARNINGS, "missing_auth", "missing_test_data")
#: Organizations that admins may turn upside down.
ALPHA, BRAVO = "alpha", "bravo"

CONFIG: Final = """\
seed = 20260430

[warnings]
fail-on = {warnings}

# Valid requests come from a sender that there is in half of the cases; else they are answered 404.
[dictionaries.senders]
values = {senders}
[dictionaries.handsets]
values = {handsets}
[dictionaries.use_cases]
values = {use_cases}
# No schema can say how far ahead a moment may be.
[dictionaries.moments]
values = {moments}
[parameters]
"body.from_phone_number" = {{ dictionary = "senders", probability = 0.5 }}
"body.to_phone_number" = {{ dictionary = "handsets", probability = 1.0 }}
"body.use_case_id" = {{ dictionary = "use_cases", probability = 0.5 }}
"body.send_at" = {{ dictionary = "moments", probability = 1.0 }}

# Two organizations: neither may see what is the other's.
[auth.wfc]
path = {identities}
user = {user}
peers = {peers}

# A valid request is also refused where its key was used with other content (422): no flaw of the request.
[[operations]]
include-operation-id = ["send", "channel_send"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

# That a busy machine may not be sent requests for a moment is what this operation is there to say.
[[operations]]
include-operation-id = "readyz"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]

# DELETE cancels a message, as the public contract has it; the message stays to be read.
[[operations]]
include-operation-id = ["status", "message", "channel_message"]
checks.use_after_free.enabled = false

# What a write names must be there, and the version the present one: no schema can say so.
[[operations]]
include-tag = ["Admin", "Opt-outs"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "412", "422", "429"]
"""


def test_schemathesis_finds_nothing(stack: Stack, tmp_path: Path) -> None:
    secrets = stack.home / "secrets"
    keys = {"acme": (secrets / "api_key").read_text(), "globex": (secrets / "second_api_key").read_text()}
    judged(run(stack, tmp_path, SENDING, keys, OF_SENDING), SENDING)
    counted = outcomes(stack.run.ingress)
    # Nothing found among refusals alone would say little.
    for outcome in ("queued", "sent", "dry_run", "sender_not_found", "malformed_json",
                    "missing_field", "invalid_field", "invalid_recipient", "message_too_long",
                    "unauthenticated"):  # fmt: skip
        assert counted.get(outcome, 0) > 0, f"no request was answered {outcome}: {counted}"


async def test_schemathesis_finds_nothing_among_what_admins_may_do(stack: Stack, tmp_path: Path) -> None:
    keys = {name: f"helio_{name}_for_schemathesis" for name in (ALPHA, BRAVO)}
    text = "organizations:\n" + "".join(
        f"  {name}: {{api_keys: {{{name}-of-schemathesis: {{sha256: {sha256(key)}, "
        "scopes: [send, read, admin]}}}\n"
        for name, key in keys.items()
    )
    kafka = KafkaSettings(bootstrap_servers=stack.run.kafka)
    await apply(kafka, text, now=time.time_ns() // 1_000_000)
    judged(await asyncio.to_thread(run, stack, tmp_path, ADMIN, keys), ADMIN)


def judged(found: subprocess.CompletedProcess[str], tags: Sequence[str]) -> None:
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"Tested: {len(operations(tags))}" in found.stdout, found.stdout
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert re.search(rf"✅ {phase}", found.stdout), f"{phase} did not run\n{found.stdout}"


def run(
    stack: Stack,
    home: Path,
    tags: Sequence[str],
    keys: Mapping[str, str],
    warnings: Sequence[str] = WARNINGS,
) -> subprocess.CompletedProcess[str]:
    """One run over the operations of `tags`, from a folder of its own: it leaves files."""
    identities = home / "identities.json"
    identities.write_text(json.dumps({"auth": [identity(name, key.strip()) for name, key in keys.items()]}))
    config = home / "schemathesis.toml"
    config.write_text(
        CONFIG.format(
            senders=json.dumps(SENDERS),
            handsets=json.dumps(HANDSETS),
            use_cases=json.dumps(USE_CASES),
            moments=json.dumps([moment(hours=-1), moment(seconds=5), moment(hours=47)]),
            identities=json.dumps(str(identities)),
            user=json.dumps(next(iter(keys))),
            warnings=json.dumps(warnings),
            peers=json.dumps(list(keys)),
        )
    )
    program = Path(sys.executable).with_name("schemathesis")
    document = f"{stack.run.ingress}/openapi.json"
    included = [word for tag in tags for word in ("--include-tag", tag)]
    return subprocess.run(
        [program, "--config-file", config, "--no-color", "run", document, *included,
         "--max-examples", str(EXAMPLES), "--continue-on-failure", "--generation-database", "none"],
        cwd=home, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip


def operations(tags: Sequence[str]) -> list[str]:
    """Those of the document that have one of `tags`, by id."""
    found = [operation for path in openapi.document()["paths"].values() for operation in path.values()]
    return [one["operationId"] for one in found if isinstance(one, dict) and set(one["tags"]) & set(tags)]


def moment(**ahead: int) -> str:
    """That much ahead of now."""
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


def identity(name: str, key: str) -> dict[str, object]:
    return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}


def outcomes(ingress: str) -> dict[str, float]:
    """How often sends were answered what."""
    text = httpx.get(f"{ingress}/metrics").text
    return {
        name: float(count)
        for name, count in re.findall(r'helio_ingress_sends_total\{outcome="(\w+)"\} (\S+)', text)
    }
