"""The parts of a local stack: secrets, demo, ports, run.json, its lock, and what is said of missing tools."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.local import demo, jars, run, secrets
from cli.local.ports import HOST, choose, is_free
from cli.local.process import MissingToolError, StartError
from cli.local.run import Run, RunningError
from cli.local.table import environment
from directory.file import parse
from schemas.directory import Assistant, Number, UseCase
from schemas.provider import Provider
from schemas.settings import Settings
from simulator.config import Config
from tests.conftest import ROOT

RUN = Run(
    ingress="http://127.0.0.1:1",
    webhooks="http://127.0.0.1:2",
    simulator="http://127.0.0.1:3",
    kafka="127.0.0.1:4",
    redis="redis://127.0.0.1:5/0",
    api_key="helio_x",
    senders=["+14155550100"],
    pids={},
    restarts={},
)


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = secrets.ensure(folder)
    assert secrets.ensure(folder) == first
    assert set(first) == {path.name for path in folder.iterdir()}
    assert len(set(first.values())) == len(first)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_public_key_is_the_providers_form_of_the_private_one() -> None:
    # The vector of RFC 8032 §7.1, test 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    import base64

    assert secrets.telnyx_public_key(base64.b64encode(seed).decode()) == base64.b64encode(public).decode()


def test_the_demo_serves_all_providers_and_its_simulator_takes_our_credentials(tmp_path: Path) -> None:
    public = "http://127.0.0.1:8081/"
    shown = demo.write(tmp_path, 8082, public_url=public)
    config = Config.model_validate_json(shown.simulator.read_bytes())
    assert config.port == 8082
    assert {account.provider for account in config.accounts} == set(Provider)
    of = {n.removeprefix("+"): a.provider for a in config.accounts for n in a.numbers}
    first = [of[sender.removeprefix("+")] for sender in shown.senders[:3]]
    assert set(first) == set(Provider)
    assert shown.api_key == (tmp_path / "secrets" / "api_key").read_text()
    assert {account.inbound_url for account in config.accounts} == {
        "http://127.0.0.1:8081/webhooks/sms/twilio#rc=5&rp=all",
        "http://127.0.0.1:8081/webhooks/sms/telnyx",
        "http://127.0.0.1:8081/webhooks/sms/vonage",
    }
    assert demo.write(tmp_path, 8082, public_url=public) == shown


def test_the_demos_key_may_use_what_run_json_says(tmp_path: Path) -> None:
    shown = demo.write(tmp_path, 8082, public_url="http://127.0.0.1:8081")
    found = parse(shown.directory.read_text(), source="directory.yaml", variables={}).entities.values()
    owned = {n for e in found if isinstance(e, Assistant) and e.organization == "acme" for n in e.numbers}
    assert set(shown.senders) == owned
    cases = [e for e in found if isinstance(e, UseCase) and e.organization == "acme"]
    assert shown.use_cases == [str(case.id) for case in cases]
    accounts = {e.id: e.account for e in found if isinstance(e, Number)}
    # The pool of each is over several accounts, so that one can take over for another.
    assert min(len({accounts[number] for number in case.numbers}) for case in cases) >= 2


def test_a_port_is_the_preferred_one_where_it_is_free() -> None:
    wished = choose()
    assert choose([wished]) == wished
    assert choose([wished], taken=[wished]) != wished
    with socket.create_server((HOST, wished)):
        assert not is_free(wished)
        assert choose([wished]) != wished
    assert choose([wished]) == wished


def test_a_port_that_another_process_has_chosen_is_its_own_until_it_ends() -> None:
    """Nobody listens on it: its server may be down for a moment."""
    program = "import sys; from cli.local.ports import choose; print(choose(), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        assert is_free(port)
        assert choose([port]) != port
        other.kill()
    assert choose([port]) == port


def test_run_json_reads_back_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    assert Run.read(tmp_path) is None
    RUN.write(tmp_path)
    assert Run.read(tmp_path) == RUN
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600
    keys = {"ingress", "webhooks", "simulator", "kafka", "redis", "api_key", "senders", "use_cases"}
    keys |= {"operator_api_key"}
    assert set(json.loads((tmp_path / "run.json").read_text())) == keys | {"pids", "restarts"}
    run.forget(tmp_path)
    assert Run.read(tmp_path) is None


def test_one_stack_at_a_time_and_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from cli.local import run\n"
        f"with run.sole(pathlib.Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    assert run.holder(tmp_path) is None
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert run.holder(tmp_path) == other.pid
        with pytest.raises(RunningError, match=str(other.pid)), run.sole(tmp_path):
            pass
        other.kill()
    assert run.holder(tmp_path) is None
    with run.sole(tmp_path):
        assert run.holder(tmp_path) == os.getpid()


def test_leftovers_are_killed_and_strangers_are_not(tmp_path: Path) -> None:
    sleep = [sys.executable, "-I", "-S", "-c", "import time; print('up', flush=True); time.sleep(600)"]
    ours = {**os.environ, "HELIO_HOME": str(tmp_path)}
    with (
        subprocess.Popen(sleep, stdout=subprocess.PIPE, env=ours) as left,
        subprocess.Popen(sleep, stdout=subprocess.PIPE, env={**ours, "HELIO_HOME": "/else"}) as stranger,
    ):
        for started in (left, stranger):
            assert started.stdout is not None
            started.stdout.readline()
        Run(**{**vars(RUN), "pids": {"left": left.pid, "stranger": stranger.pid, "gone": 2**22}}).write(
            tmp_path
        )
        assert run.end_leftovers(tmp_path) == ["left"]
        assert left.wait(10) == -9
        assert stranger.poll() is None
        stranger.kill()


def test_settings_survive_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: dict[str, dict[str, object]] = {
        "kafka": {"bootstrap_servers": "b:1", "session_timeout_seconds": 6},
        "topics": {"partitions": 8},
        "callbacks": {"secrets": ["x"]},
    }
    for name, value in environment(wanted).items():
        monkeypatch.setenv(name, value)
    found = Settings()
    assert found.kafka.session_timeout_seconds == 6
    assert found.topics.partitions == 8
    assert found.callbacks.secrets == ("x",)


def test_missing_java_and_maven_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(MissingToolError, match=r"Java is missing: apt-get install openjdk"):
        jars.java()
    with pytest.raises(MissingToolError, match=r"Maven is missing.*: apt-get install openjdk.* maven"):
        jars.fetch(tmp_path / "cache")


def test_an_old_java_is_refused_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    script(tmp_path / "bin", "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    with pytest.raises(MissingToolError, match=r"Java 17 or newer, found openjdk version .11"):
        jars.java()
    script(tmp_path / "bin", "java", """echo 'openjdk version "21" 2023-09-19' >&2""")
    assert jars.java() == str(tmp_path / "bin" / "java")


def test_a_failed_download_leaves_nothing_behind_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    script(tmp_path / "bin", "mvn", "echo 'no route to host'; exit 1")
    with pytest.raises(StartError, match="no route to host"):
        jars.fetch(tmp_path / "cache")
    script(tmp_path / "bin", "mvn", 'for a; do case $a in -DoutputDirectory=*) mkdir "${a#*=}";; esac; done')
    assert jars.fetch(tmp_path / "cache").is_dir()
