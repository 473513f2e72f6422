"""The page on architecture and the import contracts name the same layers."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_who_may_import_whom_is_what_is_checked() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"^## Who may import whom\n\n```\n(.*?)\n\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block is not None
    layers, apart = ([re.split(" {3,}", line)[0] for line in part.splitlines()] for part in block.groups())
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (checked,) = (one["layers"] for one in linter["contracts"] if one["type"] == "layers")
    assert layers == checked
    named = {name for line in layers for name in line.split(" | ")} | {line.split()[0] for line in apart}
    assert named == set(linter["root_packages"])
