"""`make test` runs every test: those of whole systems are looked for only where they lie."""

import re

from tests.conftest import ROOT

MARKED = re.compile(r"\bmark\.(e2e|chaos|alone)\b")


def test_every_test_of_a_whole_system_lies_where_make_looks_for_it() -> None:
    found = re.search(r"^SYSTEMS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found is not None
    places = [ROOT / name for name in found[1].split()]
    assert [place for place in places if not place.exists()] == []
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if MARKED.search(path.read_text())]
    assert len(marked) > 10
    assert [path for path in marked if not any(path.is_relative_to(place) for place in places)] == []
