"""The table of settings in docs/operations.md, made from `schemas/settings.py`.

`python -m cli.settings_table` writes it; a test holds the page to it.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas import settings

PAGE: Final = Path(__file__).parent.parent / "docs" / "operations.md"
_BEGIN: Final = "<!-- settings: made by `python -m cli.settings_table` -->\n"
_END: Final = "<!-- end of settings -->\n"


def main() -> None:
    """Write the table into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """`text` with the table between its markers made anew."""
    return made_anew(text, _BEGIN, render(), _END)


def made_anew(text: str, begin: str, tables: str, end: str) -> str:
    """`text` with `tables` in place of what stands between its markers `begin` and `end`."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{tables}{end}{after}"


def render() -> str:
    """A table for each group, and one for what belongs to none."""
    fields = settings.Settings.model_fields
    groups = {name: field for name, field in fields.items() if _is_group(field.annotation)}
    single = {name: field for name, field in fields.items() if name not in groups}
    parts = [_table("Process", "Of each process.", "", settings.Settings, single)]
    for name, field in groups.items():
        model: Any = field.annotation
        about = inspect.cleandoc(model.__doc__ or "")
        parts.append(_table(name.capitalize(), about, f"{name}__", model, model.model_fields))
    return "\n".join(parts)


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _table(title: str, about: str, prefix: str, model: type[BaseModel], fields: dict[str, FieldInfo]) -> str:
    notes = _notes(model)
    rows = [
        f"| `{f'HELIO_{prefix}{name}'.upper()}` | {_default(field)} | {notes.get(name, '')} |\n"
        for name, field in fields.items()
    ]
    return f"### {title}\n\n{about}\n\n| variable | default | |\n|---|---|---|\n{''.join(rows)}"


def _default(field: FieldInfo) -> str:
    """As one would write it into the environment."""
    value = field.get_default()
    if value is None:
        return "none"
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{json.dumps(value)}`"


def _notes(model: type[BaseModel]) -> dict[str, str]:
    """The `#:` comment above each field. One that stands above several fields is said of the first."""
    source = inspect.getsource(model)
    lines = source.splitlines()
    return {name: note for name, line in _fields(source) if (note := _above(lines, line))}


def _fields(source: str) -> Iterator[tuple[str, int]]:
    """Each field of a class and the index of its line."""
    (definition,) = ast.parse(source).body
    for node in ast.walk(definition):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno - 1


def _above(lines: list[str], index: int) -> str:
    found: list[str] = []
    while index > 0 and (comment := re.match(r"\s*#: ?(.*)", lines[index - 1])):
        found.insert(0, comment[1])
        index -= 1
    return " ".join(found)


if __name__ == "__main__":
    main()
