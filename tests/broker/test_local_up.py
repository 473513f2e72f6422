"""`helio up --detach` and `helio down`, as a person runs them, with all services."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.local.ports import is_free
from cli.local.run import Run, holder
from cli.local.table import SERVICES

pytestmark = [pytest.mark.broker, pytest.mark.e2e]
EVERYTHING = {"kafka", "redis", "simulator", *SERVICES}


class Helio:
    """The command line, with a home of its own."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home
        self._env = {**os.environ, "HELIO_HOME": str(home), "HELIO_CACHE": str(cache)}

    def __call__(self, *arguments: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments, "--json"],
            env=self._env,
            stdout=subprocess.PIPE,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def run(self) -> Run:
        run = Run.read(self.home)
        assert run is not None, "nothing runs"
        return run

    def until(self, wanted: Callable[[Run], bool]) -> Run:
        """The first state of `run.json` that is as `wanted`."""
        wait_for(lambda: wanted(self.run), "it stays otherwise")
        return self.run


def wait_for(holds: Callable[[], bool], otherwise: str) -> None:
    """Return when it holds; fail with `otherwise` after a minute."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)  # between two looks


@pytest.fixture
def helio(tmp_path: Path, jar_cache: Path) -> Iterator[Helio]:
    command = Helio(tmp_path / "home", jar_cache)
    yield command
    command("down")


def ways(lines: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Which states each provider's first message went through."""
    shown = [line["way"] for line in lines if "way" in line]
    return {way[-1]["provider"]: [status["status"] for status in way] for way in shown}


def test_up_shows_a_message_over_each_provider_and_every_start_finds_the_data(helio: Helio) -> None:
    lines = helio("up", "--detach")
    delivered = ["queued", "sent", "delivered"]
    assert ways(lines) == {"twilio": delivered, "telnyx": delivered, "vonage": delivered}
    first = helio.run
    assert set(first.pids) == EVERYTHING
    assert len(httpx.get(f"{first.simulator}/handsets").json()["texts"]) == 3
    message = next(line["way"][0]["message_id"] for line in lines if "way" in line)

    # A process that dies comes back, and is counted.
    os.kill(first.pids["streams-route"], signal.SIGKILL)
    again = helio.until(lambda run: run.restarts["streams-route"] == 1 and set(run.pids) == EVERYTHING)
    assert again.pids["streams-route"] != first.pids["streams-route"]

    # What a killed supervisor had started dies with it.
    supervisor = holder(helio.home)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    wait_for(
        lambda: holder(helio.home) is None and all(map(is_free, ports(first))), "something is left behind"
    )

    # The next start finds what was sent, and still knows the key.
    lines = helio("up", "--detach")
    assert ways(lines) == {"twilio": delivered, "telnyx": delivered, "vonage": delivered}
    second = helio.run
    assert (ports(second), second.api_key) == (ports(first), first.api_key)
    key = {"Authorization": f"Bearer {second.api_key}"}
    found = httpx.get(f"{second.ingress}/sms/{message}/status", headers=key)
    assert found.json()["status"] == "sent"

    helio("down")
    assert Run.read(helio.home) is None
    assert all(map(is_free, ports(second)))


def ports(run: Run) -> list[int]:
    """Of everything that listens."""
    places = [run.ingress, run.webhooks, run.simulator, run.kafka, run.redis]
    return [int(place.removesuffix("/0").rpartition(":")[2]) for place in places]


def test_down_says_so_where_nothing_runs(helio: Helio) -> None:
    assert "nothing runs" in helio("down")[0]["line"]
