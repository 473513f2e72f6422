"""The REST door's routes. They read and answer by themselves: FastAPI's layer costs more than they do."""

import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from directory.snapshot import Directory
from ingress import bodies, health, keys, metrics, statuses
from ingress.codes import Code
from ingress.documentation import (
    SECURITY,
    SendAnswer,
    StatusAnswer,
    errors,
    send_operation,
    status_operation,
)
from ingress.ports import View
from ingress.problems import Problem, internal
from ingress.sending import Queued, Sending
from ingress.shortcut import Endpoint, Shortcut
from ingress.tracing import TRACEPARENT, Headers, trace
from ledger import LedgerNotReadyError, LedgerUnavailableError
from schemas.directory import Scope

_LOG: Final = logging.getLogger(__name__)
_TITLE: Final = "Heliograph"
SEND: Final = "/sms/send"
#: Nobody is there to read it; what web servers log for a caller who has gone.
_GONE: Final = 499


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the routes are made of."""

    sending: Sending
    view: View
    #: The newest snapshot.
    directory: Callable[[], Directory]
    body_limit_bytes: int
    #: For `/readyz`: without these the door is not ready; those are only shown.
    needed: Mapping[str, health.Check]
    shown: Mapping[str, health.Check]


class PlainRoute(APIRoute):
    """A route that FastAPI documents and otherwise leaves alone."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        return self.endpoint


def make_app(parts: Parts) -> ASGIApp:
    """The application; whoever made `parts` starts and stops what is in them."""
    send = _send(parts)
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
        _status(parts),
        methods=["GET"],
        name="status",
        summary="What became of a message",
        response_model=StatusAnswer,
        responses=errors(401, 403, 404, 503),
        openapi_extra=status_operation(),
    )
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)
    _document(app)
    return app


def _send(parts: Parts) -> Endpoint:
    async def send(request: Request) -> Response:
        started = time.perf_counter()
        try:
            result = await _sent(request, parts)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        metrics.SEND_SECONDS.observe(time.perf_counter() - started)
        if isinstance(result, Problem):
            metrics.SENDS.labels(result.code).inc()
            return result.response()
        metrics.SENDS.labels("replayed" if result.replayed else "queued").inc()
        return _queued(result)

    return send


async def _sent(request: Request, parts: Parts) -> Queued | Problem:
    key = keys.authenticate(request.headers.get("authorization"), parts.directory(), Scope.SEND)
    if isinstance(key, Problem):
        return key
    body = await bodies.read(request, parts.body_limit_bytes)
    if isinstance(body, Problem):
        return body
    asked = bodies.parse(body, request.headers.get("idempotency-key"))
    if isinstance(asked, Problem):
        return asked
    return await parts.sending.send(asked, key.organization, _trace(request))


def _trace(request: Request) -> Headers:
    given = request.headers.get(TRACEPARENT)
    return () if given is None else trace([(TRACEPARENT, given.encode("latin-1"))])


def _queued(result: Queued) -> Response:
    # By hand: a replay must be the same bytes.
    body = (
        f'{{"success":true,"message_id":"{result.message_id}",'
        f'"message":"SMS queued successfully via {result.provider}",'
        f'"provider":"{result.provider}","status":"queued"}}'
    )
    headers = {"Idempotent-Replayed": "true"} if result.replayed else None
    return Response(body.encode(), 200, headers, media_type="application/json")


def _status(parts: Parts) -> Endpoint:
    async def status(request: Request) -> Response:
        found = await _shown(request, parts)
        if isinstance(found, Problem):
            return found.response()
        return Response(found, media_type="application/json", headers={"Cache-Control": "no-store"})

    return status


async def _shown(request: Request, parts: Parts) -> bytes | Problem:
    key = keys.authenticate(request.headers.get("authorization"), parts.directory(), Scope.READ)
    if isinstance(key, Problem):
        return key
    given: str = request.path_params["message_id"]
    message_id = statuses.canonical(given)
    if message_id is None:
        return statuses.not_found(given)
    try:
        seen = await parts.view.get(message_id)
    except (LedgerNotReadyError, LedgerUnavailableError) as error:
        _LOG.warning("view.unavailable message_id=%s error=%r", message_id, error)
        return statuses.unsure()
    return statuses.answer(given, key.organization, seen)


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
