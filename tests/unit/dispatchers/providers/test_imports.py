"""Each SDK costs up to seconds and a hundred megabytes: a process has that of its provider, webhooks none."""

import subprocess
import sys

import pytest

from schemas.provider import Provider

SDKS = ("telnyx", "twilio.rest", "vonage_messages", "vonage_http_client", "vonage")
OWN = {
    Provider.TWILIO: {"twilio.rest"},
    Provider.TELNYX: {"telnyx"},
    Provider.VONAGE: {"vonage_messages", "vonage_http_client"},
}


def imported_by(module: str) -> set[str]:
    program = f"import sys, {module}; print(*(name for name in {SDKS!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("provider", Provider)
def test_an_adapter_imports_its_own_sdk_only(provider: Provider) -> None:
    assert imported_by(f"dispatchers.providers.{provider}") == OWN[provider]


@pytest.mark.parametrize(
    "module", ["dispatchers.port", "dispatchers.providers", "webhooks.server", "schemas.codes"]
)
def test_nothing_else_imports_one(module: str) -> None:
    assert imported_by(module) == set()
