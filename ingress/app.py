"""The REST door's routes."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ingress import endpoints, health, statuses
from ingress.codes import Code
from ingress.documentation import (
    SECURITY,
    SendAnswer,
    StatusAnswer,
    errors,
    send_operation,
    status_operation,
)
from ingress.endpoints import Parts
from ingress.problems import Problem, internal
from ingress.shortcut import Endpoint, Shortcut

_TITLE: Final = "Heliograph"
SEND: Final = "/sms/send"
MESSAGE: Final = "/sms/{message_id}"


class PlainRoute(APIRoute):
    """A route that FastAPI documents and otherwise leaves alone."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        return self.endpoint


def make_app(parts: Parts) -> ASGIApp:
    """The application; whoever made `parts` starts and stops what is in them."""
    send = endpoints.send(parts)
    return Shortcut(documented(parts, send), {("POST", SEND): send})


def documented(parts: Parts, send: Endpoint) -> FastAPI:
    """All routes, and the OpenAPI document of them."""
    app = FastAPI(
        title=_TITLE, version="0.1.0", redoc_url=None, routes=[*health.routes(parts.needed, parts.shown)]
    )
    app.router.route_class = PlainRoute
    app.add_api_route(
        SEND,
        send,
        methods=["POST"],
        name="send",
        summary="Send a message",
        response_model=SendAnswer,
        responses=errors(400, 401, 403, 404, 413, 422, 503),
        openapi_extra=send_operation(),
    )
    app.add_api_route(
        "/sms/{message_id}/status",
        endpoints.look(parts, statuses.status),
        methods=["GET"],
        name="status",
        summary="What became of a message",
        response_model=StatusAnswer,
        responses=errors(401, 403, 404, 503),
        openapi_extra=status_operation(),
    )
    # In this order: a path without a message's id is none of a message.
    app.router.routes += [
        Route(SEND, _only("POST"), methods=["GET", "DELETE"]),
        Route("/sms/queue/stats", endpoints.stats(parts), methods=["GET"]),
        Route(MESSAGE, _message(parts), methods=["GET", "DELETE"]),
    ]
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)
    _document(app)
    return app


def _message(parts: Parts) -> Endpoint:
    """One route for both methods, so that `Allow` names both to who comes with another."""
    show, cancel = endpoints.look(parts, statuses.record), endpoints.cancel(parts)

    async def message(request: Request) -> Response:
        return await (cancel if request.method == "DELETE" else show)(request)

    return message


def _only(*methods: str) -> Endpoint:
    async def refuse(_: Request) -> Response:
        raise HTTPException(405, headers={"Allow": ", ".join(methods)})

    return refuse


async def _http_error(_: Request, error: Exception) -> Response:
    """Starlette's own errors (no such path, no such method) as ours."""
    assert isinstance(error, HTTPException)  # noqa: S101  what the handler is registered for
    code = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}.get(error.status_code, Code.INTERNAL)
    return Problem(code, error.detail, headers=dict(error.headers or {})).response()


async def _internal(_: Request, error: Exception) -> Response:
    return internal(error).response()


def _document(app: FastAPI) -> None:
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        document.setdefault("components", {})["securitySchemes"] = SECURITY
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the place that FastAPI documents for this
