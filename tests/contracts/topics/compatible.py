"""What a change of a public schema breaks: of readers, or of those who write."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
_MOST: Final = ("maximum", "maxLength", "maxItems")
_LEAST: Final = ("minimum", "minLength", "minItems")


def breaks_readers(old: Schema, new: Schema) -> list[str]:
    """What readers of the schema `old` rely on that `new` does not say any more."""
    before, after = _whole(old, old), _whole(new, new)
    return [*_lost(before, after, ""), *(f"wider: {one}" for one in _tighter(after, before, ""))]


def breaks_writers(old: Schema, new: Schema) -> list[str]:
    """What could be written by the schema `old` and cannot by `new`, or means something else."""
    before, after = _whole(old, old), _whole(new, new)
    return [*_lost(before, after, ""), *(f"narrower: {one}" for one in _tighter(before, after, ""))]


def _whole(part: Any, root: Schema) -> Any:
    """`part` with what its references point to; none of ours is recursive."""
    if isinstance(part, list):
        return [_whole(one, root) for one in part]
    if not isinstance(part, Mapping):
        return part
    found = {key: _whole(one, root) for key, one in part.items() if key not in {"$ref", "$defs"}}
    if reference := part.get("$ref"):
        return {**_whole(root["$defs"][reference.rpartition("/")[2]], root), **found}
    return found


def _lost(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """Fields and words that are gone, and defaults that are others."""
    if old.get("default") != new.get("default"):
        yield f"default: {where}"
    if gone := _words(old) - _words(new):
        yield f"gone: {where} {sorted(gone)}"
    for name, field in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"gone: {where}.{name}"
        else:
            yield from _lost(field, new["properties"][name], f"{where}.{name}")
    if "items" in old and "items" in new:
        yield from _lost(old["items"], new["items"], f"{where}[]")
    kinds = {_kind(one): one for one in new.get("oneOf", ())}
    for one in old.get("oneOf", ()):
        if kind := _kind(one):
            yield from _lost(one, kinds.get(kind, {}), f"{where}<{kind}>")


def _tighter(wide: Schema, tight: Schema, where: str) -> Iterator[str]:  # noqa: C901 - one case a keyword
    """The places where what fits `wide` may not fit `tight`."""
    if "type" in tight and not _types(wide) <= _types(tight):
        yield f"type {where}"
    if _values(tight) is not None and not (_values(wide) or {...}) <= (_values(tight) or set()):
        yield f"values {where}"
    for name in set(tight.get("required", ())) - set(wide.get("required", ())):
        yield f"required {where}.{name}"
    for bound in (*_MOST, *_LEAST):
        if bound in tight and _beyond(bound, wide.get(bound), tight[bound]):
            yield f"{bound} {where}"
    for exact in ("pattern", "format"):
        if exact in tight and wide.get(exact) != tight[exact] and _values(wide) is None:
            yield f"{exact} {where}"
    if tight.get("additionalProperties", True) is False and wide.get("additionalProperties", True):
        yield f"unknown fields {where}"
    for name, field in tight.get("properties", {}).items():
        if name in wide.get("properties", {}):
            yield from _tighter(wide["properties"][name], field, f"{where}.{name}")
    if "items" in tight and "items" in wide:
        yield from _tighter(wide["items"], tight["items"], f"{where}[]")
    for choice in ("anyOf", "oneOf"):
        yield from _choices(wide.get(choice), tight.get(choice), where)


def _choices(wide: list[Schema] | None, tight: list[Schema] | None, where: str) -> Iterator[str]:
    if tight is None:
        return
    if wide is None:
        yield f"choices {where}"
        return
    for one in wide:
        # A record of a kind that is new says so in its `type`.
        of_kind = [other for other in tight if _kind(other) == _kind(one)] if _kind(one) else tight
        flaws = [list(_tighter(one, other, where)) for other in of_kind]
        if flaws and all(flaws):
            yield min(flaws, key=len)[0]


def _types(schema: Schema) -> set[str]:
    if isinstance(schema.get("const", schema.get("type")), bool):
        return {"boolean"}
    if isinstance(schema.get("const"), str):
        return {"string"}
    if "type" in schema:
        found = schema["type"]
        return {found} if isinstance(found, str) else set(found)
    if "anyOf" in schema:
        return set().union(*(_types(one) for one in schema["anyOf"]))
    return {"anything"}


def _values(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _words(schema: Schema) -> set[Any]:
    return {one["const"] for one in schema.get("anyOf", ()) if "const" in one}


def _kind(schema: Schema) -> str | None:
    found: str | None = schema.get("properties", {}).get("type", {}).get("const")
    return found


def _beyond(bound: str, wide: float | None, tight: float) -> bool:
    if wide is None:
        return True
    return wide > tight if bound in _MOST else wide < tight
