"""What the descriptions of operations are made of."""

from typing import Any, Final

from ingress.openapi.shapes import REF
from schemas.requests import HEADER_KEY, MAX_KEY

#: Headers of answers that change.
FRESH: Final = {
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}, "description": "It changes."}
}
#: Headers of answers that may be repeats.
REPLAYED: Final = {
    "Idempotent-Replayed": {
        "schema": {"const": "true"},
        "description": "The key was used before with the same content: this is what was answered then.",
    }
}
#: The header that has an idempotency key.
KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": HEADER_KEY},
    "description": "Goes over `idempotency_key`. "
    'Quoted (`"abc"`) and bare are the same key; different ones are refused.',
    "example": "order:12345:shipped",
}


def about(name: str, summary: str, tag: str, *, open_to_all: bool = False) -> dict[str, Any]:
    """What every operation says of itself."""
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "security": [] if open_to_all else [{"bearer": []}],
    }


def shows(description: str, model: str | tuple[str, ...], shown: dict[str, Any]) -> dict[str, Any]:
    """An answer in JSON: a `model` (of several, one of them), and examples."""
    models = [{"$ref": REF.format(model=name)} for name in ((model,) if isinstance(model, str) else model)]
    return {
        "description": description,
        "content": {
            "application/json": {
                "schema": models[0] if len(models) == 1 else {"oneOf": models},
                "examples": {name: {"value": value} for name, value in shown.items()},
            }
        },
    }
