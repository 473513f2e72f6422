"""Every code has a status and a line in docs/errors.md; nothing stands there that no door says."""

import re
from pathlib import Path

from ingress.codes import STATUS, Code

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"


def test_every_code_is_in_the_catalogue_with_its_status() -> None:
    section = PAGE.read_text().split("## Answers of the API")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", section, re.MULTILINE))
    assert rows == {code.value: str(STATUS[code]) for code in Code}
