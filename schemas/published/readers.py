"""JSON Schemas of what outsiders read: what they may rely on, in all versions to come.

A field without a default is required; one with a default may be missing in records of versions that did not
have it. No field is ever null: `Record.encode` leaves it out. Any enum may get more words (docs/topics.md):
a schema of today takes those of tomorrow.
"""

from enum import Enum
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.published import comments

_OTHER: Final = {"type": "string", "description": "A word of a later version."}


def definitions(*models: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The schemas of `models` and of all that they hold, by name, with references into `#/$defs`."""
    _, schema = models_json_schema([(model, "serialization") for model in models])
    known = _held(models)
    return {name: _definition(found, known[name]) for name, found in schema["$defs"].items()}


def _held(models: tuple[type[BaseModel], ...]) -> dict[str, type]:
    """The classes of the schemas, by name."""
    found: dict[str, type] = {}
    waiting: list[Any] = list(models)
    while waiting:
        part = waiting.pop()
        if isinstance(part, type) and issubclass(part, BaseModel) and part.__name__ not in found:
            found[part.__name__] = part
            waiting += [field.annotation for field in part.model_fields.values()]
        elif isinstance(part, type) and issubclass(part, Enum):
            found[part.__name__] = part
        waiting += getattr(part, "__args__", ())
    return found


def _definition(schema: dict[str, Any], owner: type) -> dict[str, Any]:
    said = comments.of(owner)
    if issubclass(owner, Enum):
        words = [_said({"const": word.value}, said.get(word.name)) for word in owner]
        return {"type": "string", "description": _docstring(owner), "anyOf": [*words, _OTHER]}
    if not issubclass(owner, BaseModel):
        raise TypeError(f"{owner.__name__} is neither a model nor an enum")
    fields = {name: _field(found, said.get(name)) for name, found in schema["properties"].items()}
    required = [
        name
        for name, found in schema["properties"].items()
        if "const" in found or owner.model_fields[name].is_required()
    ]
    return {
        "type": "object",
        "description": _docstring(owner),
        "properties": fields,
        "required": required,
    }


def _field(schema: dict[str, Any], description: str | None) -> dict[str, Any]:
    found = {key: value for key, value in schema.items() if key not in {"title", "anyOf", "discriminator"}}
    if "const" in found or found.get("default", ...) is None:
        found.pop("default", None)
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        found |= choices[0]
    elif choices:
        found["anyOf"] = choices
    return _said(found, description)


def _said(schema: dict[str, Any], description: str | None) -> dict[str, Any]:
    return schema if description is None else {**schema, "description": description}


def _docstring(owner: type) -> str:
    return " ".join((owner.__doc__ or "").split())
