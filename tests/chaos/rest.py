"""A careful REST caller: it tries again with its key, and never without one where that could send twice."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from tests.chaos.logs import Told, What
from tests.chaos.plan import Planned
from tests.chaos.world import TENANTS, World

#: How long one try may take; longer than the ingress itself waits for a broker or for an outcome.
TRY_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class NothingSentError(Exception):
    """No connection was made: the request has certainly not arrived."""


class Caller:
    """Sends and cancels. `patience` is how many seconds it tries before it gives up."""

    def __init__(self, session: aiohttp.ClientSession, world: World, patience: float) -> None:
        self._session = session
        self._world = world
        self._patience = patience

    async def send(self, message: Planned) -> Told:
        """`POST /sms/send`, or `/v1/sms/` through a use case, until there is an answer; the answer."""
        ends, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        path = "/sms/send" if message.use_case is None else "/v1/sms/"
        while True:
            try:
                code, body = await self._call("POST", path, message, request(message))
            except NothingSentError:
                code, body, repeatable = 0, {}, True
            else:
                repeatable = message.key is not None
            if (answer := _sent(message, code, body)) is not None:
                return answer
            if not repeatable or time.monotonic() > ends:
                return Told(time.time(), message.number, What.UNSURE, detail=str(code))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def cancel(self, message: Planned, message_id: str) -> Told:
        """`DELETE` until there is an answer; a repeat is safe."""
        ends, pause, cut = time.monotonic() + self._patience, _FIRST_PAUSE, False
        while True:
            try:
                code, body = await self._call("DELETE", f"/sms/{message_id}", message)
            except NothingSentError:
                code, body = 0, {}
            else:
                cut = cut or code != 200
            if code == 200:
                return _decided(message, message_id, body, cut=cut)
            if time.monotonic() > ends:
                return Told(time.time(), message.number, What.CANCEL_UNSURE, message_id, str(code))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _call(
        self, method: str, path: str, message: Planned, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """An answer: code and body; code 0 where none came."""
        headers = {"Authorization": f"Bearer {TENANTS[message.organization].api_key}"}
        timeout = aiohttp.ClientTimeout(total=TRY_SECONDS)
        url = f"{self._world.ingress}{path}"
        try:
            async with self._session.request(
                method, url, json=body, headers=headers, timeout=timeout
            ) as response:
                return response.status, json.loads(await response.text())
        except aiohttp.ClientConnectorError as error:
            raise NothingSentError from error
        except (aiohttp.ClientError, TimeoutError):
            return 0, {}


def request(message: Planned) -> dict[str, object]:
    """What is asked for; the same through both doors."""
    found: dict[str, object] = {
        "to_phone_number": message.to,
        "message": message.text,
    }
    if message.use_case is None:
        found["from_phone_number"] = message.sender
    else:
        found["use_case_id"] = message.use_case
    if message.key is not None:
        found["idempotency_key"] = message.key
    return found if message.queue else {**found, "queue": False}


def _sent(message: Planned, code: int, body: Mapping[str, Any]) -> Told | None:
    """What an answer to a send says; None: nothing yet, so try again."""
    now, number, message_id = time.time(), message.number, body.get("message_id") or body.get("id")
    match code, body.get("code"):
        case 200 | 201, _ if body.get("state") == "cancelled":
            return Told(now, number, What.QUEUED, message_id, "cancelled")
        case 200 | 201, _:
            sent = code == 200 and body["status"] == "sent"
            return Told(now, number, What.SENT if sent else What.QUEUED, message_id)
        case 500, "send_failed":
            return Told(now, number, What.FAILED, message_id, str(body.get("failure_code")))
        case 422, "conflict":
            return Told(now, number, What.CONFLICT)
        case 0 | 409 | 429 | 500 | 502 | 503 | 504, _:
            return None
    return Told(now, number, What.REFUSED, message_id, f"{code} {body.get('code')}: {body.get('detail')}")


def _decided(message: Planned, message_id: str, body: Mapping[str, Any], *, cut: bool) -> Told:
    """What an answer to a cancel says. `cut`: an earlier try may have cancelled it."""
    state = str(body.get("state"))
    cancelled = body["success"] or (cut and state == "cancelled")
    what = What.CANCELLED if cancelled else What.ALREADY
    return Told(time.time(), message.number, what, message_id, state)
