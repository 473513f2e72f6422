"""The way past FastAPI for the routes that are hot: its layers cost more than what such a route does."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ingress.codes import Code
from ingress.problems import Problem

Endpoint = Callable[[Request], Awaitable[Response]]
_LOG: Final = logging.getLogger(__name__)


class Shortcut:
    """Answers the routes in `hot`, by method and exact path, with their endpoints; the rest goes to `app`.

    `app` has the same routes: for its documentation, and for methods and paths that are slightly off.
    """

    def __init__(self, app: ASGIApp, hot: Mapping[tuple[str, str], Endpoint]) -> None:
        self._app = app
        self._hot = hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        endpoint = self._hot.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await endpoint(Request(scope, receive))
        except Exception:  # noqa: BLE001  the caller is owed an answer, and the log the reason
            _LOG.exception("request.failed")
            response = Problem(Code.INTERNAL, "Internal error").response()
        await response(scope, receive, send)
