"""The alerts ring when they must, ask for figures that are served, and each has its runbook."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.metrics_table import MODULES, PAGE
from tests.fakes import debian

pytestmark = pytest.mark.usefixtures("jar_cache")
ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus"
#: Suffixes of the series of a histogram.
SERIES = ("_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def promtool() -> str:
    """The machine's own, else Debian's from the cache."""
    return shutil.which("promtool") or str(
        debian.unpacked("prometheus", ("prometheus",)) / "usr/bin/promtool"
    )


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((RULES / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@pytest.mark.parametrize(
    "command", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")]
)
def test_promtool_finds_them_sound(promtool: str, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [promtool, *command],
        cwd=RULES,
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_ask_for_what_is_served(rules: list[dict[str, Any]]) -> None:
    served = set(re.findall(r"^\| `(helio_\w+)` \|", PAGE.read_text(), re.MULTILINE))
    asked = {name for rule in rules for name in re.findall(r"helio_\w+", rule["expr"])}
    plain = {re.sub(f"({'|'.join(SERIES)})$", "", name) if name not in served else name for name in asked}
    assert asked
    assert plain - served == set()


def test_the_first_of_its_kind_rings_too(rules: list[dict[str, Any]]) -> None:
    """A series that begins at 1 has not increased: what rings at any increase is there from the start."""
    modules = ", ".join(f"{module}.metrics" for module in MODULES)
    shown = f"import prometheus_client, {modules}; print(prometheus_client.generate_latest().decode())"
    told = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    any_increase = re.compile(r"increase\((helio_\w+)(?:\{(.*)\})?\[\w+\]\)\) > 0$")
    asked = [found for rule in rules if (found := any_increase.search(rule["expr"]))]
    assert len(asked) > 3
    for name, labels in (found.groups(default="") for found in asked):
        there = rf"^{name}(\{{.*{labels}.*\}})? 0\.0$"
        assert re.search(there, told.stdout, re.MULTILINE), name


def test_each_has_its_runbook_and_each_runbook_its_alert(rules: list[dict[str, Any]]) -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert sorted(rule["alert"] for rule in rules) == sorted(sections)
    for rule in rules:
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
