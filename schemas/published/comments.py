"""What the source says of fields and enum members in `#:` comments, so that it is written once.

Pydantic reads docstrings below fields at most; comments are only in the source.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from textwrap import dedent

_MARK = "#:"


@cache
def of(owner: type) -> dict[str, str]:
    """The comments above the fields or members of a class and of its bases, by name."""
    found: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        # Bases from elsewhere say nothing of our fields.
        if base.__module__.startswith("schemas."):
            found.update(_above(base))
    return found


def _above(owner: type) -> Iterator[tuple[str, str]]:
    source = dedent(inspect.getsource(owner))
    lines = source.splitlines()
    (tree,) = ast.parse(source).body
    if not isinstance(tree, ast.ClassDef):
        raise TypeError(f"{owner.__name__} is no class of its own")
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                if text := _comment(lines[: statement.lineno - 1]):
                    yield name, text


def _comment(lines: list[str]) -> str:
    """The comment that ends `lines`, as one paragraph."""
    found: list[str] = []
    while lines and (line := lines[-1].strip()).startswith(_MARK):
        found.insert(0, line.removeprefix(_MARK).strip())
        lines = lines[:-1]
    return " ".join(found)
