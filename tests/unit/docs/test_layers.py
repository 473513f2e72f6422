"""Unit tests are leaves: what several layers of tests share lies in `tests/fakes` (CONTRIBUTING.md)."""

import re

from tests.conftest import ROOT

OF_UNIT = re.compile(r"^\s*(?:from|import) tests(?:\.unit\b| import unit\b)", re.MULTILINE)


def test_nothing_outside_imports_from_unit_tests() -> None:
    others = [path for name in ("tests", "benchmarks") for path in (ROOT / name).rglob("*.py")]
    others = [path for path in others if not path.is_relative_to(ROOT / "tests" / "unit")]
    assert len(others) > 100
    importing = [path for path in others if OF_UNIT.search(path.read_text(encoding="utf-8"))]
    assert [str(path.relative_to(ROOT)) for path in importing] == []
