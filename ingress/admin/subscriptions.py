"""The routes of subscriptions beside their entities: the secret, a new one, a trial."""

from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingress.admin import asked, subscribing
from ingress.admin.deciding import Asked
from ingress.admin.serving import AdminParts, as_json, body_of, placed, route
from ingress.admin.subscribing import SecretRotation
from ingress.codes import Code
from ingress.ports import NotAcknowledgedError
from ingress.problems import Problem, passing
from schemas import topics
from schemas.directory import ApiKey, Subscription

SHOWN: Final = "/v1/subscriptions/{id}/secret"
ROTATE: Final = "/v1/subscriptions/{id}/rotate"
TEST: Final = "/v1/subscriptions/{id}/test"
_ID_BYTES: Final = 16


def routes(parts: AdminParts) -> list[Route]:
    """Every route of subscriptions that is not of the directory."""
    api = _Api(parts)
    return [
        route(parts, SHOWN, {"GET": api.secret}),
        route(parts, ROTATE, {"POST": api.rotate}),
        route(parts, TEST, {"POST": api.test}),
    ]


class _Api:
    """What each route does for a key that may."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts

    async def secret(self, request: Request, key: ApiKey) -> Response | Problem:
        place = placed(self._parts, request, key, Subscription)
        return place if isinstance(place, Problem) else self._secret(place)

    async def rotate(self, request: Request, key: ApiKey) -> Response | Problem:
        given = await body_of(self._parts, request, empty={})
        rotation = given if isinstance(given, Problem) else asked.model(SecretRotation, given)
        place = placed(self._parts, request, key, Subscription)
        if isinstance(rotation, Problem):
            return rotation
        if isinstance(place, Problem):
            return place
        decide = subscribing.rotating(place, self._parts.clock(), rotation)
        result = await self._parts.writing.change(decide, key.id)
        return result if isinstance(result, Problem) else self._secret(place)

    async def test(self, request: Request, key: ApiKey) -> Response | Problem:
        place = placed(self._parts, request, key, Subscription)
        found = place if isinstance(place, Problem) else subscribing.found(self._parts.directory(), place)
        if isinstance(found, Problem):
            return found
        trial_id = str(UUID(bytes=self._parts.random(_ID_BYTES), version=4))
        told = subscribing.trial(found, trial_id, self._parts.clock())
        if isinstance(told, Problem):
            return told
        try:
            await self._parts.subscribing.publish(topics.NOTIFICATIONS, found.id, told.encode(), ())
        except NotAcknowledgedError:
            return passing(
                Code.BROKER_UNAVAILABLE, "The event was not acknowledged in time and may still be told"
            )
        event = told.event.model_dump(mode="json", exclude_none=True)
        return as_json({"webhook_id": told.id, "url": found.url, "event": event}, 202)

    def _secret(self, place: Asked) -> Response | Problem:
        directory = self._parts.directory()
        found = subscribing.found(directory, place)
        if isinstance(found, Problem):
            return found
        roots, now = self._parts.subscribing.roots, self._parts.clock()
        return as_json(subscribing.secret_shown(found, directory, roots, now))
