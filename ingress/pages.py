"""`/openapi.json`, and `/docs`, which shows it and tries it out: Swagger UI, wholly served from here.

The page works where no other host can be reached, and is forbidden to ask one (its Content-Security-Policy).
Swagger UI's own files come with the package `fastapi-offline`; nothing else of it is used.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ingress import openapi

_PACKAGE: Final = "fastapi_offline"
_ASSETS: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Addresses are relative to the page's own, so that it also works below a path of a proxy.
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heliograph API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Without an address of a validator, Swagger UI would send the document to its maker's.
_START: Final = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  tryItOutEnabled: true,
});
"""


def docs_routes() -> list[Route]:
    """The document, the page, and the files that the page names.

    Raises:
        FileNotFoundError: the package with Swagger UI's files is not installed.
    """
    document = openapi.text().encode()
    return [
        _fixed("/openapi.json", document, "application/json"),
        _fixed("/docs", _PAGE.encode(), "text/html"),
        _fixed("/docs/start.js", _START.encode(), "text/javascript"),
        *(_file(f"/docs/{name}", _folder() / name, kind) for name, kind in _ASSETS.items()),
    ]


def _folder() -> Path:
    """Where the files lie; the package itself is not imported, for it brings in more than them."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"{_PACKAGE} is not installed: it has the files that /docs shows")
    return Path(found.origin).parent / "static"


def _fixed(path: str, body: bytes, kind: str) -> Route:
    async def answer(_: Request) -> Response:
        return Response(body, media_type=kind, headers=_HEADERS)

    return Route(path, answer)


def _file(path: str, file: Path, kind: str) -> Route:
    headers = {**_HEADERS, "Cache-Control": "public, max-age=86400"}

    async def answer(_: Request) -> Response:
        return FileResponse(file, media_type=kind, headers=headers)

    return Route(path, answer)
