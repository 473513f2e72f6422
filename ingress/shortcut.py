"""The way past Starlette for the routes that are hot: its layers cost as much as what such a route does."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ingress.problems import internal

Endpoint = Callable[[Request], Awaitable[Response]]


class Shortcut:
    """Answers the routes in `hot`, by method and exact path, with their endpoints; the rest goes to `app`.

    `app` has the same routes, for methods and paths that are slightly off.
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
        except Exception as error:  # noqa: BLE001  the caller is owed an answer, and the log the reason
            response = internal(error).response()
        await response(scope, receive, send)
