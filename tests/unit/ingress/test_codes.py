"""Every code has a status, a title and a line in docs/errors.md; nothing stands there that no door says."""

import json
import re
from pathlib import Path

from ingress.codes import STATUS, TITLE, Code, type_uri

PAGE = (Path(__file__).parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")


def test_every_code_is_in_the_catalogue_with_its_status() -> None:
    section = PAGE.split("## Answers of the API")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", section, re.MULTILINE))
    assert rows == {code.value: str(STATUS[code]) for code in Code}


def test_what_may_be_tried_again_is_marked() -> None:
    passing = re.findall(r"^\| `([a-z_]+)` \| \d{3} \| \*Passing\.\*", PAGE, re.MULTILINE)
    meanwhile = {Code.IN_FLIGHT, Code.CHANGED_MEANWHILE}
    assert set(passing) == {code.value for code in Code if STATUS[code] in {429, 503}} | meanwhile


def test_the_page_shows_a_problem_as_it_is() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shown = json.loads(example)
    code = Code(shown["code"])
    assert (shown["type"], shown["title"], shown["status"]) == (type_uri(code), TITLE[code], STATUS[code])


def test_titles_tell_codes_apart() -> None:
    assert len(set(TITLE.values())) == len(Code)
