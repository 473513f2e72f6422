"""The routes of the admin API: who asks, what for, and the answer as HTTP."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from directory.changes import Action, Change
from directory.snapshot import Directory
from ingress import bodies, keys
from ingress.admin import asked, deciding, keyring, rights
from ingress.admin.deciding import Asked, Decide
from ingress.admin.kinds import KINDS
from ingress.admin.shown import key_shown, shown
from ingress.admin.writing import Writing
from ingress.codes import Code
from ingress.limits import RateLimit
from ingress.problems import Problem
from schemas.base import Millis
from schemas.directory import AnyEntity, ApiKey, Scope, UseCase, identity

_GONE: Final = 499
DIRECTORY: Final = "/v1/directory/{kind}"
ENTITY: Final = "/v1/directory/{kind}/{id}"
KEYS: Final = "/v1/keys"
KEY: Final = "/v1/keys/{id}"
ROTATE: Final = "/v1/keys/{id}/rotate"
_Act = Callable[[Request, ApiKey], Awaitable[Response | Problem]]


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


def routes(parts: AdminParts) -> list[Route]:
    """Every route of the admin API."""
    api = _Api(parts)
    return [
        _route(parts, DIRECTORY, {"GET": api.list}),
        _route(parts, ENTITY, {"GET": api.read, "PUT": api.put, "PATCH": api.patch, "DELETE": api.delete}),
        _route(parts, KEYS, {"GET": api.list_keys, "POST": api.create_key}),
        _route(parts, KEY, {"GET": api.read_key, "PATCH": api.change_key, "DELETE": api.revoke_key}),
        _route(parts, ROTATE, {"POST": api.rotate_key}),
    ]


def _route(parts: AdminParts, path: str, acts: Mapping[str, _Act]) -> Route:
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


class _Api:
    """What each route does for a key that may."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts

    async def list(self, request: Request, key: ApiKey) -> Response | Problem:
        model = _kind(request)
        return model if isinstance(model, Problem) else self._page(request, key, model)

    async def read(self, request: Request, key: ApiKey) -> Response | Problem:
        place = self._place(request, key)
        if isinstance(place, Problem):
            return place
        directory = self._parts.directory()
        entity = deciding.find(directory, key, place.kind, place.id, place.organization)
        return entity if isinstance(entity, Problem) else _one(shown(entity, directory, key))

    async def put(self, request: Request, key: ApiKey) -> Response | Problem:
        return await self._write(request, key, deciding.putting)

    async def patch(self, request: Request, key: ApiKey) -> Response | Problem:
        return await self._write(request, key, deciding.patching)

    async def delete(self, request: Request, key: ApiKey) -> Response | Problem:
        place = self._place(request, key)
        if isinstance(place, Problem):
            return place
        return await self._deleted(deciding.deleting(place), key)

    async def list_keys(self, request: Request, key: ApiKey) -> Response | Problem:
        return self._page(request, key, ApiKey)

    async def read_key(self, request: Request, key: ApiKey) -> Response | Problem:
        place = self._place(request, key, ApiKey)
        if isinstance(place, Problem):
            return place
        directory = self._parts.directory()
        entity = deciding.find(directory, key, place.kind, place.id, place.organization)
        return entity if isinstance(entity, Problem) else _one(self._shown(entity, directory, key))

    async def create_key(self, request: Request, key: ApiKey) -> Response | Problem:
        given = await self._given(request)
        new = given if isinstance(given, Problem) else asked.model(keyring.NewKey, given)
        organization = deciding.owner(key, request.query_params.get("organization"))
        if isinstance(new, Problem):
            return new
        if isinstance(organization, Problem):
            return organization
        made = keyring.secret(self._parts.random(keyring.SECRET_BYTES))
        decide = keyring.creating(key, organization or key.organization, new, made)
        return await self._made(decide, key, new.id, made, status=201)

    async def change_key(self, request: Request, key: ApiKey) -> Response | Problem:
        given = await self._given(request)
        place = self._place(request, key, ApiKey, given)
        if isinstance(given, Problem):
            return given
        if isinstance(place, Problem):
            return place
        return await self._key_changed(keyring.changing(place, given), key, place.id)

    async def rotate_key(self, request: Request, key: ApiKey) -> Response | Problem:
        given = await self._given(request, empty={})
        rotation = given if isinstance(given, Problem) else asked.model(keyring.Rotation, given)
        place = self._place(request, key, ApiKey)
        if isinstance(rotation, Problem):
            return rotation
        if isinstance(place, Problem):
            return place
        made = keyring.secret(self._parts.random(keyring.SECRET_BYTES))
        decide = keyring.rotating(place, made, self._parts.clock(), rotation)
        return await self._made(decide, key, place.id, made, status=200)

    async def revoke_key(self, request: Request, key: ApiKey) -> Response | Problem:
        place = self._place(request, key, ApiKey)
        if isinstance(place, Problem):
            return place
        return await self._key_changed(keyring.revoking(place, self._parts.clock()), key, place.id)

    async def _key_changed(self, decide: Decide, key: ApiKey, key_id: str) -> Response | Problem:
        result = await self._parts.writing.change(decide, key.id)
        if isinstance(result, Problem):
            return result
        _, directory = result
        entity = directory.live.get(("api_key", key_id))
        if entity is None:
            return deciding.absent("api_key", key_id)
        return _one(self._shown(entity, directory, key))

    def _place(
        self,
        request: Request,
        key: ApiKey,
        model: type[AnyEntity] | None = None,
        given: Mapping[str, Any] | Problem | None = None,
    ) -> Asked | Problem:
        """Which entity it is about, and what its caller knows of it."""
        found = model or _kind(request)
        if isinstance(found, Problem):
            return found
        organization = deciding.owner(key, request.query_params.get("organization"))
        if isinstance(organization, Problem):
            return organization
        body = {} if given is None or isinstance(given, Problem) else given
        expected = asked.expected(request.headers.get("if-match"), request.headers.get("if-none-match"), body)
        if isinstance(expected, Problem):
            return expected
        return Asked(key, found, _canonical(found, request.path_params["id"]), expected, organization)

    async def _given(self, request: Request, empty: dict[str, Any] | None = None) -> dict[str, Any] | Problem:
        """The body; `empty` is what none at all stands for."""
        body = await bodies.read(request, self._parts.body_limit_bytes)
        if isinstance(body, Problem):
            return body
        return empty if empty is not None and not body.strip() else asked.members(body)

    async def _write(
        self, request: Request, key: ApiKey, how: Callable[[Asked, Mapping[str, Any]], Decide]
    ) -> Response | Problem:
        given = await self._given(request)
        if isinstance(given, Problem):
            return given
        place = self._place(request, key, given=given)
        if isinstance(place, Problem):
            return place
        result = await self._parts.writing.change(how(place, given), key.id)
        if isinstance(result, Problem):
            return result
        change, directory = result
        entity = directory.live.get((place.kind, place.id))
        if entity is None:
            # Taken out by the next writer before we could look.
            return deciding.absent(place.kind, place.id)
        return _one(shown(entity, directory, key), status=201 if _is_new(change) else 200)

    async def _deleted(self, decide: Decide, key: ApiKey) -> Response | Problem:
        result = await self._parts.writing.change(decide, key.id)
        if isinstance(result, Problem):
            return result
        change, _ = result
        assert change is not None  # noqa: S101  a deletion is never nothing
        gone = {"kind": change.kind, "id": change.id, "organization": change.organization}
        return _json({**gone, "deleted": True, "version": change.version})

    async def _made(
        self, decide: Decide, key: ApiKey, key_id: str, made: str, *, status: int
    ) -> Response | Problem:
        """The key with its secret: this once."""
        result = await self._parts.writing.change(decide, key.id)
        if isinstance(result, Problem):
            return result
        _, directory = result
        entity = directory.live.get(("api_key", key_id))
        if entity is None:
            return deciding.absent("api_key", key_id)
        return _json({"key": made, **self._shown(entity, directory, key)}, status)

    def _page(self, request: Request, key: ApiKey, model: type[AnyEntity]) -> Response | Problem:
        organization = deciding.owner(key, request.query_params.get("organization"))
        if isinstance(organization, Problem):
            return organization
        page = asked.page(request.query_params)
        if isinstance(page, Problem):
            return page
        directory = self._parts.directory()
        found = sorted(
            (entity for entity in directory.entities() if isinstance(entity, model)
             and rights.may_see(key, entity) and identity(entity)[1] > page.after
             and (not rights.is_operator(key) or organization in (None, entity.organization))),
            key=lambda entity: identity(entity)[1],
        )  # fmt: skip
        items = [self._shown(entity, directory, key) for entity in found[: page.limit]]
        more = len(found) > page.limit
        return _json({"items": items, "next_cursor": str(items[-1]["id"]) if more else None})

    def _shown(self, entity: AnyEntity, directory: Directory, key: ApiKey) -> dict[str, Any]:
        if isinstance(entity, ApiKey):
            return key_shown(entity, directory, self._parts.clock())
        return shown(entity, directory, key)


def _kind(request: Request) -> type[AnyEntity] | Problem:
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


def _is_new(change: Change | None) -> bool:
    return change is not None and change.action is Action.CREATE


def _one(members: dict[str, Any], status: int = 200) -> Response:
    return _json(members, status, {"ETag": f'"{members["version"]}"'})


def _json(members: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(
        body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json"
    )
