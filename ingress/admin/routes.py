"""The routes of the admin API: who asks, what for, and the answer as HTTP."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.changes import Action, Change
from directory.snapshot import Directory
from ingress.admin import asked, deciding, keyring, rights, subscriptions
from ingress.admin.deciding import Asked, Decide
from ingress.admin.serving import AdminParts, as_json, body_of, kind_of, one, placed, route
from ingress.admin.shown import key_shown, shown
from ingress.problems import Problem
from schemas.directory import AnyEntity, ApiKey, identity

DIRECTORY: Final = "/v1/directory/{kind}"
ENTITY: Final = "/v1/directory/{kind}/{id}"
KEYS: Final = "/v1/keys"
KEY: Final = "/v1/keys/{id}"
ROTATE: Final = "/v1/keys/{id}/rotate"


def routes(parts: AdminParts) -> list[Route]:
    """Every route of the admin API."""
    api = _Api(parts)
    return [
        route(parts, DIRECTORY, {"GET": api.list}),
        route(parts, ENTITY, {"GET": api.read, "PUT": api.put, "PATCH": api.patch, "DELETE": api.delete}),
        route(parts, KEYS, {"GET": api.list_keys, "POST": api.create_key}),
        route(parts, KEY, {"GET": api.read_key, "PATCH": api.change_key, "DELETE": api.revoke_key}),
        route(parts, ROTATE, {"POST": api.rotate_key}),
        *subscriptions.routes(parts),
    ]


class _Api:
    """What each route does for a key that may."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts

    async def list(self, request: Request, key: ApiKey) -> Response | Problem:
        model = kind_of(request)
        return model if isinstance(model, Problem) else self._page(request, key, model)

    async def read(self, request: Request, key: ApiKey) -> Response | Problem:
        place = placed(self._parts, request, key)
        if isinstance(place, Problem):
            return place
        directory = self._parts.directory()
        entity = deciding.find(directory, key, place.kind, place.id, place.organization)
        return entity if isinstance(entity, Problem) else one(shown(entity, directory, key))

    async def put(self, request: Request, key: ApiKey) -> Response | Problem:
        return await self._write(request, key, deciding.putting)

    async def patch(self, request: Request, key: ApiKey) -> Response | Problem:
        return await self._write(request, key, deciding.patching)

    async def delete(self, request: Request, key: ApiKey) -> Response | Problem:
        place = placed(self._parts, request, key)
        if isinstance(place, Problem):
            return place
        return await self._deleted(deciding.deleting(place), key)

    async def list_keys(self, request: Request, key: ApiKey) -> Response | Problem:
        return self._page(request, key, ApiKey)

    async def read_key(self, request: Request, key: ApiKey) -> Response | Problem:
        place = placed(self._parts, request, key, ApiKey)
        if isinstance(place, Problem):
            return place
        directory = self._parts.directory()
        entity = deciding.find(directory, key, place.kind, place.id, place.organization)
        return entity if isinstance(entity, Problem) else one(self._shown(entity, directory, key))

    async def create_key(self, request: Request, key: ApiKey) -> Response | Problem:
        given = await body_of(self._parts, request)
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
        given = await body_of(self._parts, request)
        place = placed(self._parts, request, key, ApiKey, given)
        if isinstance(given, Problem):
            return given
        if isinstance(place, Problem):
            return place
        return await self._key_changed(keyring.changing(place, given), key, place.id)

    async def rotate_key(self, request: Request, key: ApiKey) -> Response | Problem:
        given = await body_of(self._parts, request, empty={})
        rotation = given if isinstance(given, Problem) else asked.model(keyring.Rotation, given)
        place = placed(self._parts, request, key, ApiKey)
        if isinstance(rotation, Problem):
            return rotation
        if isinstance(place, Problem):
            return place
        made = keyring.secret(self._parts.random(keyring.SECRET_BYTES))
        decide = keyring.rotating(place, made, self._parts.clock(), rotation)
        return await self._made(decide, key, place.id, made, status=200)

    async def revoke_key(self, request: Request, key: ApiKey) -> Response | Problem:
        place = placed(self._parts, request, key, ApiKey)
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
        return one(self._shown(entity, directory, key))

    async def _write(
        self, request: Request, key: ApiKey, how: Callable[[Asked, Mapping[str, Any]], Decide]
    ) -> Response | Problem:
        given = await body_of(self._parts, request)
        if isinstance(given, Problem):
            return given
        place = placed(self._parts, request, key, given=given)
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
        return one(shown(entity, directory, key), status=201 if _is_new(change) else 200)

    async def _deleted(self, decide: Decide, key: ApiKey) -> Response | Problem:
        result = await self._parts.writing.change(decide, key.id)
        if isinstance(result, Problem):
            return result
        change, _ = result
        assert change is not None  # noqa: S101  a deletion is never nothing
        gone = {"kind": change.kind, "id": change.id, "organization": change.organization}
        return as_json({**gone, "deleted": True, "version": change.version})

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
        return as_json({"key": made, **self._shown(entity, directory, key)}, status)

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
        return as_json({"items": items, "next_cursor": str(items[-1]["id"]) if more else None})

    def _shown(self, entity: AnyEntity, directory: Directory, key: ApiKey) -> dict[str, Any]:
        if isinstance(entity, ApiKey):
            return key_shown(entity, directory, self._parts.clock())
        return shown(entity, directory, key)


def _is_new(change: Change | None) -> bool:
    return change is not None and change.action is Action.CREATE
