"""What the routes of the admin API share: who asks, which entity it is about, and the answer as HTTP."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from directory.snapshot import Directory
from ingress import bodies, keys
from ingress.admin import asked, deciding
from ingress.admin.deciding import Asked
from ingress.admin.kinds import KINDS
from ingress.admin.writing import Writing
from ingress.codes import Code
from ingress.limits import RateLimit
from ingress.ports import Publish
from ingress.problems import Problem
from schemas.base import Millis
from schemas.directory import AnyEntity, ApiKey, Scope, UseCase

_GONE: Final = 499
_Act = Callable[[Request, ApiKey], Awaitable[Response | Problem]]


@dataclass(frozen=True, kw_only=True)
class Subscribing:
    """What there is to subscriptions beside their entities."""

    #: What their secrets are derived from, newest first.
    roots: tuple[str, ...]
    #: Endpoints may be in private networks.
    private: bool
    publish: Publish


class AdminParts(Protocol):
    """What the routes are made of: some of the door's `Parts`."""

    @property
    def writing(self) -> Writing:
        """Changes the directory."""

    @property
    def rates(self) -> RateLimit:
        """Holds keys to their rates."""

    @property
    def directory(self) -> Callable[[], Directory]:
        """The newest snapshot."""

    @property
    def body_limit_bytes(self) -> int:
        """How long a body may be."""

    @property
    def clock(self) -> Callable[[], Millis]:
        """Epoch milliseconds."""

    @property
    def random(self) -> Callable[[int], bytes]:
        """That many bytes that nobody can guess."""

    @property
    def subscribing(self) -> Subscribing:
        """What there is to subscriptions beside their entities."""


def route(parts: AdminParts, path: str, acts: Mapping[str, _Act]) -> Route:
    """The route `path`, with what each method does for a key that may."""

    async def endpoint(request: Request) -> Response:
        act = acts["GET" if request.method == "HEAD" else request.method]
        try:
            key = keys.authenticate(
                request.headers.get("authorization"), parts.directory(), Scope.ADMIN, parts.clock()
            )
            if isinstance(key, Problem):
                return key.response()
            found = await parts.rates.check(key) or await act(request, key)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        return found.response() if isinstance(found, Problem) else found

    return Route(path, endpoint, methods=list(acts))


def placed(
    parts: AdminParts,
    request: Request,
    key: ApiKey,
    model: type[AnyEntity] | None = None,
    given: Mapping[str, Any] | Problem | None = None,
) -> Asked | Problem:
    """Which entity it is about, and what its caller knows of it."""
    found = model or kind_of(request)
    if isinstance(found, Problem):
        return found
    organization = deciding.owner(key, request.query_params.get("organization"))
    if isinstance(organization, Problem):
        return organization
    body = {} if given is None or isinstance(given, Problem) else given
    expected = asked.expected(request.headers.get("if-match"), request.headers.get("if-none-match"), body)
    if isinstance(expected, Problem):
        return expected
    entity_id = _canonical(found, request.path_params["id"])
    return Asked(key, found, entity_id, expected, organization, parts.subscribing.private)


async def body_of(
    parts: AdminParts, request: Request, empty: dict[str, Any] | None = None
) -> dict[str, Any] | Problem:
    """The body; `empty` is what none at all stands for."""
    body = await bodies.read(request, parts.body_limit_bytes)
    if isinstance(body, Problem):
        return body
    return empty if empty is not None and not body.strip() else asked.members(body)


def kind_of(request: Request) -> type[AnyEntity] | Problem:
    """The model of the kind that the path names."""
    name = request.path_params["kind"]
    found = KINDS.get(name)
    return found or Problem(Code.NOT_FOUND, f"There is no kind {name}; there are: {', '.join(KINDS)}")


def _canonical(model: type[AnyEntity], given: str) -> str:
    """The id as we write it: a UUID in lower case, with its hyphens."""
    if model is UseCase:
        try:
            return str(UUID(given))
        except ValueError:
            return given
    return given


def one(members: dict[str, Any], status: int = 200) -> Response:
    """One entity, with its version as `ETag`."""
    return as_json(members, status, {"ETag": f'"{members["version"]}"'})


def as_json(members: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`members`, not to be kept by anybody on the way."""
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(
        body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json"
    )
