"""The JSON Schema of what outsiders write: requests. What fits is never a dead letter, and is sent.

But for what the directory, the recipient and the provider say: nobody can tell that from the request alone.
Unknown fields are ignored, so they fit.
"""

from typing import Any, Final

from schemas.directory import E164_PATTERN, SLUG_PATTERN
from schemas.published import comments
from schemas.requests import (
    MAX_MEDIA,
    MAX_TEXT,
    MAX_URL,
    MOMENT_PATTERN,
    NOT_BLANK_PATTERN,
    TEXT_PATTERN,
    UUID_PATTERN,
    SendRequest,
)

#: What acceptance asks for beyond the model's types.
_LIMITS: Final[dict[str, dict[str, Any]]] = {
    "from_phone_number": {"pattern": E164_PATTERN},
    "use_case_id": {"pattern": UUID_PATTERN},
    "to_phone_number": {"pattern": E164_PATTERN},
    "message": {"minLength": 1, "maxLength": MAX_TEXT, "pattern": TEXT_PATTERN},
    "media_urls": {
        "maxItems": MAX_MEDIA,
        "items": {"type": "string", "format": "uri", "maxLength": MAX_URL, "pattern": "^https?://[^/]"},
    },
    "idempotency_key": {"minLength": 1, "pattern": NOT_BLANK_PATTERN},
    "send_at": {"pattern": MOMENT_PATTERN},
    # Records with true are refused.
    "dry_run": {"const": False},
    "organization": {"pattern": SLUG_PATTERN},
}
_ONE_OF: Final = ("from_phone_number", "use_case_id")


def request() -> dict[str, Any]:
    """The schema of a request record's value."""
    schema = SendRequest.model_json_schema()
    said = comments.of(SendRequest)
    return {
        "type": "object",
        "properties": {
            name: {**_field(found, _LIMITS.get(name, {})), "description": said[name]}
            for name, found in schema["properties"].items()
        },
        "required": schema["required"],
        "oneOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in _ONE_OF],
    }


def _field(schema: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in schema.items() if key != "title"}
    if found.get("default", ...) is None:
        del found["default"]
    if "anyOf" not in found:
        return found | limits
    choices = [choice if choice["type"] == "null" else choice | limits for choice in found["anyOf"]]
    return found | {"anyOf": choices}
