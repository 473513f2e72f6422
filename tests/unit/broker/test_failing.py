"""A service that cannot go on ends with the code that says why, and with a word to its operators."""

import os
import subprocess
import sys

import pytest
from aiokafka.errors import KafkaConnectionError

from broker.failing import failing
from broker.topics import TopicsDifferError
from cli.local.ports import HOST, choose
from cli.local.table import SERVICES
from schemas.exits import Exit
from tests.conftest import ROOT

#: One for each way in which services begin.
STARTS = ("ingress-api", "streams-route", "streams-views", "dispatchers-twilio", "webhooks")
AWAY = KafkaConnectionError("nobody answers")
OURS = ValueError("a fault of ours")


class LostError(Exception):
    """What one service knows alone."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TopicsDifferError("a topic is missing"), Exit.TOPICS),
        (AWAY, Exit.CRASH),
        (LostError("so much is gone"), Exit.RETENTION),
        (ExceptionGroup("tasks", [ExceptionGroup("tasks", [AWAY])]), Exit.CRASH),
    ],
)
def test_what_has_a_code_ends_with_it(error: Exception, code: Exit, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as end, failing("service", {LostError: Exit.RETENTION}):
        raise error
    assert end.value.code == code
    assert [record.name for record in caplog.records] == ["service"]


@pytest.mark.parametrize("error", [OURS, ExceptionGroup("tasks", [AWAY, OURS])])
def test_a_fault_of_ours_stays_one(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, failing("service"):
        raise error
    assert raised.value is error


def test_whoever_cannot_read_its_settings_says_which_in_one_line_and_ends_by_a_code() -> None:
    wrong = {**os.environ, "HELIO_SUBSCRIPTIONS__SECRETS": "hush"}
    runs = {
        name: subprocess.Popen(
            [sys.executable, "-m", *SERVICES[name]], cwd=ROOT, env=wrong, stderr=subprocess.PIPE, text=True
        )
        for name in ("notifiers", *STARTS)
    }
    for name, run in runs.items():
        _, said = run.communicate(timeout=120)
        assert run.returncode == Exit.REFUSED, name
        assert said.startswith("HELIO_SUBSCRIPTIONS__SECRETS is wrong: write a list as JSON")
        assert said.count("\n") == 1
        assert "hush" not in said


def test_who_finds_no_broker_ends_by_a_code() -> None:
    """Its supervisor starts it again; a fault of ours would end with 1."""
    nobody = {**os.environ, "HELIO_KAFKA__BOOTSTRAP_SERVERS": f"{HOST}:{choose()}"}
    runs = {
        name: subprocess.Popen(
            [sys.executable, "-m", *SERVICES[name]], cwd=ROOT, env=nobody, stderr=subprocess.DEVNULL
        )
        for name in STARTS
    }
    assert {name: run.wait(120) for name, run in runs.items()} == dict.fromkeys(STARTS, Exit.CRASH)
