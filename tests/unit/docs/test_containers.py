"""Image and compose file agree with what there is to run. That they work is tried by hand.

CI has no container engine.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.local.table import SERVICES

ROOT = Path(__file__).parents[3]
THEIRS = {"kafka", "valkey"}
ENDING = {"init", "demo", "first", "helio"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))[
        "services"
    ]
    return found


def test_every_process_of_a_stack_runs_in_a_container(services: dict[str, Any]) -> None:
    wanted = {("python", "-m", *arguments) for arguments in SERVICES.values()}
    commands = {tuple(service.get("command", ())) for service in services.values()}
    assert wanted - commands == set()


def test_whatever_stays_up_is_watched_and_started_again(services: dict[str, Any]) -> None:
    for name in services.keys() - ENDING:
        assert services[name]["healthcheck"]["test"], name
        assert services[name]["restart"] == "unless-stopped", name


def test_nothing_runs_as_root_or_may_become_it(services: dict[str, Any]) -> None:
    assert "\nUSER 10001:10001\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("user") != "root", name


def test_ports_are_published_on_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_machine_has_the_name_that_the_readme_gives_it_for_endpoints(services: dict[str, Any]) -> None:
    assert "http://host.docker.internal:9000/" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert services["notifiers"]["extra_hosts"] == ["host.docker.internal:host-gateway"]


def test_the_image_has_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    copied = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert [name for name in packages if f"COPY {name} {name}\n" not in copied] == []
    assert [name for name in packages if f"!{name}\n" not in ignored] == []
