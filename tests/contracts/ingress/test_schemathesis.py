"""The running REST door against its own OpenAPI document: schemathesis, with all its checks, finds nothing.

It makes valid and invalid requests of the document in four ways (its examples, the edges of each schema, at
random, and in chains along the links), and holds every answer to the document.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest

from cli.local.stack import Stack

pytestmark = pytest.mark.e2e

#: For each operation in each of the two phases that draw at random.
EXAMPLES: Final = 40
#: It takes half a minute on two quiet cores; this only ends a run that hangs.
BOUND_SECONDS: Final = 300
#: The demo's, at Twilio and Vonage. Telnyx takes fewer segments than a text of 1600 characters may have,
#: which no JSON Schema can say: its senders would refuse what the document allows.
SENDERS: Final = ("+14155550100", "+13125550120")
HANDSETS: Final = ("+12025550143", "+12025550144")

CONFIG: Final = """\
seed = 20260430

[warnings]
fail-on = [
    "missing_auth", "missing_test_data", "unused_openapi_auth", "unsupported_regex", "method_not_allowed",
    "unmatched_filter", "dictionary_mismatch",
]

# Valid requests come from a sender that there is in half of the cases; else they are answered 404.
[dictionaries.senders]
values = {senders}
[dictionaries.handsets]
values = {handsets}
[parameters]
"body.from_phone_number" = {{ dictionary = "senders", probability = 0.5 }}
"body.to_phone_number" = {{ dictionary = "handsets", probability = 1.0 }}

# Two organizations: neither may see what is the other's.
[auth.wfc]
path = {identities}
user = "acme"
peers = ["acme", "globex"]

# A valid request is also refused where its key was used with other content (422): no flaw of the request.
[[operations]]
include-operation-id = "send"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

# That a busy machine may not be sent requests for a moment is what this operation is there to say.
[[operations]]
include-operation-id = "readyz"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]

# DELETE cancels a message, as the public contract has it; the message stays to be read.
[[operations]]
include-operation-id = ["status", "message"]
checks.use_after_free.enabled = false
"""


def test_schemathesis_finds_nothing(stack: Stack, tmp_path: Path) -> None:
    found = run(stack, tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: 8" in found.stdout, found.stdout
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert re.search(rf"✅ {phase}", found.stdout), f"{phase} did not run\n{found.stdout}"
    counted = outcomes(stack.run.ingress)
    # Nothing found among refusals alone would say little.
    for outcome in ("queued", "sent", "sender_not_found", "malformed_json", "missing_field", "invalid_field",
                    "invalid_recipient", "message_too_long", "unauthenticated"):  # fmt: skip
        assert counted.get(outcome, 0) > 0, f"no request was answered {outcome}: {counted}"


def run(stack: Stack, home: Path) -> subprocess.CompletedProcess[str]:
    """One run, from a folder of its own: it leaves files."""
    secrets = stack.home / "secrets"
    identities = home / "identities.json"
    identities.write_text(
        json.dumps(
            {
                "auth": [
                    identity("acme", (secrets / "api_key").read_text().strip()),
                    identity("globex", (secrets / "second_api_key").read_text().strip()),
                ]
            }
        )
    )
    config = home / "schemathesis.toml"
    config.write_text(
        CONFIG.format(
            senders=json.dumps(SENDERS), handsets=json.dumps(HANDSETS), identities=json.dumps(str(identities))
        )
    )
    program = Path(sys.executable).with_name("schemathesis")
    return subprocess.run(
        [program, "--config-file", config, "--no-color", "run", f"{stack.run.ingress}/openapi.json",
         "--max-examples", str(EXAMPLES), "--continue-on-failure", "--generation-database", "none"],
        cwd=home, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip


def identity(name: str, key: str) -> dict[str, object]:
    return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}


def outcomes(ingress: str) -> dict[str, float]:
    """How often `POST /sms/send` was answered what."""
    text = httpx.get(f"{ingress}/metrics").text
    return {
        name: float(count)
        for name, count in re.findall(r'helio_ingress_sends_total\{outcome="(\w+)"\} (\S+)', text)
    }
