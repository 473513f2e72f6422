"""What a command takes the settings to be: the environment, then what `helio up` runs here."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from cli.commands.target import settings
from cli.commands.trouble import Exit


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One runs here, and the environment says nothing."""
    for name in ("HELIO_KAFKA__BOOTSTRAP_SERVERS", "HELIO_REDIS__URL", "HELIO_NOTIFIERS__ALLOW_PRIVATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HELIO_HOME", str(tmp_path))
    found = {"kafka": "127.0.0.1:19092", "redis": "redis://127.0.0.1:16379/0"}
    (tmp_path / "run.json").write_text(json.dumps(found))


@pytest.mark.usefixtures("stack")
def test_a_stack_here_is_the_target_and_takes_endpoints_on_this_machine() -> None:
    """As its own API does."""
    found = settings()
    assert found.kafka.bootstrap_servers == "127.0.0.1:19092"
    assert found.redis.url == "redis://127.0.0.1:16379/0"
    assert found.notifiers.allow_private


@pytest.mark.usefixtures("stack")
def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIO_NOTIFIERS__ALLOW_PRIVATE", "false")
    assert not settings().notifiers.allow_private


@pytest.mark.usefixtures("stack")
def test_another_cluster_takes_public_endpoints_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIO_KAFKA__BOOTSTRAP_SERVERS", "kafka-1:9092")
    assert not settings().notifiers.allow_private


@pytest.mark.parametrize("command", ["topics", "doctor"])
def test_what_cannot_be_read_is_named_in_one_line(
    helio: Callable[..., Result], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELIO_CALLBACKS__SECRETS", "hush")
    result = helio(command)
    assert result.exit_code == Exit.NO
    assert "HELIO_CALLBACKS__SECRETS is wrong: write a list as JSON" in result.output
    assert "hush" not in result.output
