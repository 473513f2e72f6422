"""The OpenAPI 3.1 document of the REST door, as pure data; committed as docs/openapi.json."""

import json
from typing import Any, Final

from ingress.codes import Code
from ingress.openapi import admin, errors, optouts, shapes
from ingress.openapi.paths import paths

_VERSION: Final = "0.1.0"
_ABOUT: Final = """\
Hands messages to Heliograph, and tells what became of them. Clients of the send API that it follows need not
change.

Every error is a JSON object with `detail`, one sentence, and a stable `code`, beside the other members of
RFC 9457; the page `docs/errors.md` explains each code. A path that is not listed answers 404, a method that
is not listed 405 with `Allow` (`components/responses`).
"""


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Heliograph",
            "summary": "Send SMS and MMS",
            "description": _ABOUT,
            "version": _VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "Messages", "description": "Send, follow and cancel messages."},
            {"name": "Use cases", "description": "Send through a use case, whose sender is chosen for you."},
            {"name": "Opt-outs", "description": "Who does not want to hear (`docs/optouts.md`)."},
            {"name": "Admin", "description": "The directory, and the API keys in it (`docs/admin.md`)."},
            {"name": "Health", "description": "For whoever runs this service."},
        ],
        "paths": paths(),
        "components": {
            "schemas": admin.components() | optouts.components() | shapes.components() | errors.components(),
            "responses": {
                "NotFound": errors.response(404, (Code.NOT_FOUND,)),
                "MethodNotAllowed": errors.response(405, (Code.METHOD_NOT_ALLOWED,)),
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `Authorization: Bearer <key>`.",
                }
            },
        },
    }


def text() -> str:
    """The document as it is committed and served: JSON, indented."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
