"""The REST door's routes. They read and answer by themselves; `ingress.openapi` says what each does."""

from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from broker import health
from ingress import channel, endpoints, statuses
from ingress.admin.routes import routes as admin_routes
from ingress.codes import Code
from ingress.endpoints import Parts
from ingress.pages import docs_routes
from ingress.problems import Problem, internal
from ingress.shortcut import Endpoint, Shortcut
from schemas.requests import ChannelBody, SendBody

SEND: Final = "/sms/send"
#: Both are the same: the public contract writes the first.
CHANNEL: Final = ("/v1/sms/", "/v1/sms")


def make_app(parts: Parts) -> ASGIApp:
    """The application; whoever made `parts` starts and stops what is in them."""
    send = endpoints.send(parts, SendBody)
    channel_send = endpoints.send(parts, ChannelBody, channel.told)
    app = FastAPI(
        # The document and its pages are ours (docs/decisions/0040).
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # It would lead to the host that the caller names, over plain http.
        redirect_slashes=False,
        routes=list(routes(parts, send, channel_send)),
        exception_handlers={HTTPException: _http_error, Exception: _internal},
    )
    return Shortcut(app, {("POST", SEND): send, **{("POST", path): channel_send for path in CHANNEL}})


def routes(parts: Parts, send: Endpoint, channel_send: Endpoint) -> list[Route]:
    """Every route, with `send` for `POST /sms/send`, and `channel_send` for `POST /v1/sms/`."""
    of_channel = endpoints.look(parts, channel.members, of_use_cases=True)
    # In this order: what stands in a message's place may not be taken for the id of one.
    return [
        Route(SEND, send, methods=["POST"]),
        Route(SEND, _not_allowed("POST"), methods=["GET", "DELETE"]),
        Route("/sms/queue/stats", endpoints.stats(parts), methods=["GET"]),
        Route("/sms/{message_id}/status", endpoints.look(parts, statuses.status), methods=["GET"]),
        # One route for both methods, so that `Allow` names both to who comes with another.
        Route("/sms/{message_id}", _message(parts), methods=["GET", "DELETE"]),
        *(Route(path, channel_send, methods=["POST"]) for path in CHANNEL),
        *(Route(f"/v1/sms/{{message_id}}{end}", of_channel, methods=["GET"]) for end in ("", "/")),
        Route("/v1/sms-compliance/can-send/{number}", endpoints.can_send(parts), methods=["GET"]),
        Route("/v1/optouts", endpoints.optouts(parts), methods=["GET", "POST", "DELETE"]),
        *admin_routes(parts),
        *health.routes(parts.needed, parts.shown),
        *docs_routes(),
    ]


def _message(parts: Parts) -> Endpoint:
    show, cancel = endpoints.look(parts, statuses.record), endpoints.cancel(parts)

    async def message(request: Request) -> Response:
        return await (cancel if request.method == "DELETE" else show)(request)

    return message


def _not_allowed(allowed: str) -> Endpoint:
    async def refuse(_: Request) -> Response:
        raise HTTPException(405, headers={"Allow": allowed})

    return refuse


async def _http_error(_: Request, error: Exception) -> Response:
    """Starlette's own errors (no such path, no such method) as ours."""
    assert isinstance(error, HTTPException)  # noqa: S101  what the handler is registered for
    code = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}.get(error.status_code, Code.INTERNAL)
    return Problem(code, error.detail, headers=dict(error.headers or {})).response()


async def _internal(_: Request, error: Exception) -> Response:
    return internal(error).response()
