"""The admin API on a running stack: what it changes, every service heeds, and nothing is restarted for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest

from cli.local.stack import Stack

pytestmark = pytest.mark.e2e
#: On a machine that is busy with other things. The figures are printed: they are fractions of a second.
DEADLINE_SECONDS = 60
T = TypeVar("T")


class Doors:
    """Two ingress processes: changes are made at the first, and looked for at the second."""

    def __init__(self, stack: Stack, second: str, client: httpx.AsyncClient) -> None:
        self.run = stack.run
        self.second = second
        self.client = client

    async def ask(
        self, method: str, path: str, body: object = None, *, key: str | None = None, at: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.run.api_key}"}
        return await self.client.request(
            method, f"{at or self.run.ingress}{path}", json=body, headers=headers
        )

    async def send(self, use_case: str, to: str, *, at: str | None = None) -> httpx.Response:
        body = {"use_case_id": use_case, "to_phone_number": to, "message": "Hello"}
        return await self.ask("POST", "/v1/sms/", body, at=at)

    async def ended(self, message_id: str) -> dict[str, Any]:
        """The message once nothing more is expected of it."""

        async def over() -> dict[str, Any] | None:
            found: dict[str, Any] = (await self.ask("GET", f"/v1/sms/{message_id}")).json()
            return found if found.get("state") in {"delivered", "failed", "undelivered"} else None

        return await until(over)


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """The first that `look` finds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(0.005)


@pytest.fixture
async def doors(stack: Stack, second: str) -> AsyncIterator[Doors]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield Doors(stack, second, client)


async def refused_with(doors: Doors, use_case: str, to: str, status: int) -> float:
    """Seconds until the second door answers a send so."""
    began = time.monotonic()

    async def look() -> bool | None:
        return (await doors.send(use_case, to, at=doors.second)).status_code == status or None

    await until(look)
    return time.monotonic() - began


async def test_a_use_case_lives_from_its_making_to_its_end(
    doors: Doors, handset: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Doors, route, dispatchers and webhooks each have to know it for one message to be delivered."""
    name, to = str(uuid4()), handset()
    path = f"/v1/directory/use_cases/{name}"
    known = (await doors.ask("GET", f"/v1/directory/use_cases/{doors.run.use_cases[0]}")).json()
    fields = {
        field: value
        for field, value in known.items()
        if field not in {"id", "kind", "organization", "version", "updated_at"}
    }
    assert (await doors.ask("PUT", path, {**fields, "regions": ["US"]})).status_code == 201
    made = time.monotonic()
    tries = 0

    async def delivered() -> bool | None:
        nonlocal tries
        tries += 1
        sent = await doors.send(name, to, at=doors.second)
        if sent.status_code != 201:
            assert sent.json()["code"] == "use_case_not_found"
            return None
        # Should a service lag behind the door, it says so.
        return (await doors.ended(sent.json()["id"]))["state"] == "delivered" or None

    await until(delivered)
    live = time.monotonic() - made
    assert (await doors.ask("PATCH", path, {"status": "suspended"})).status_code == 200
    asleep = await refused_with(doors, name, to, 422)
    assert (await doors.ask("DELETE", path)).json()["deleted"] is True
    gone = await refused_with(doors, name, to, 404)
    with capsys.disabled():
        print(
            f"\nfrom its answer on: a use case known to all services, and a message through it delivered, "
            f"after {live:.3f} s (tries: {tries}); suspended at another door after {asleep:.3f} s, "
            f"deleted after {gone:.3f} s"
        )


async def test_a_key_opens_every_door_while_it_lasts(doors: Doors) -> None:
    name = f"k-{uuid4()}"

    async def answered(key: str, status: int) -> None:
        async def look() -> bool | None:
            answer = await doors.ask("GET", "/sms/queue/stats", key=key, at=doors.second)
            return answer.status_code == status or None

        await until(look)

    made = await doors.ask("POST", "/v1/keys", {"id": name, "scopes": ["read"]})
    first = made.json()["key"]
    await answered(first, 200)
    assert (await doors.ask("GET", "/v1/keys", key=first)).status_code == 403
    rotated = await doors.ask("POST", f"/v1/keys/{name}/rotate", {"good_for": 600})
    new = rotated.json()["key"]
    await answered(new, 200)
    await answered(first, 200)
    await doors.ask("POST", f"/v1/keys/{name}/rotate", {"good_for": 0})
    await answered(first, 401)
    await answered(new, 401)
    last = (await doors.ask("POST", f"/v1/keys/{name}/rotate")).json()["key"]
    await answered(last, 200)
    assert (await doors.ask("DELETE", f"/v1/keys/{name}")).status_code == 200
    await answered(last, 401)


async def test_two_writers_at_two_doors(doors: Doors) -> None:
    """Of many at the same moment one wins each version, and the others know that they did not."""
    name = f"b-{uuid4()}"
    path = f"/v1/directory/brands/{name}"
    assert (await doors.ask("PUT", path, {"name": "first"})).status_code == 201
    answers = await asyncio.gather(
        *(
            doors.ask("PUT", path, {"name": f"of {n}", "version": 1}, at=at)
            for n, at in enumerate([doors.run.ingress, doors.second] * 5)
        )
    )
    won = [answer.json()["name"] for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    held = (await doors.ask("GET", path)).json()
    assert (held["name"], held["version"]) == (won[0], 2)
    assert (await doors.ask("DELETE", path)).status_code == 200


async def test_tenant_and_operator(doors: Doors, stack: Stack) -> None:
    """The demo's own keys: acme's admin, globex' sender, the operator's admin."""
    operator = doors.run.operator_api_key
    globex = (stack.home / "secrets" / "second_api_key").read_text().strip()
    seen = (await doors.ask("GET", "/v1/directory/numbers?limit=1000", key=operator)).json()["items"]
    mine = (await doors.ask("GET", "/v1/directory/numbers?limit=1000")).json()["items"]
    assert {number["organization"] for number in mine} == {"acme"}
    assert {"acme", "globex"} <= {number["organization"] for number in seen}
    theirs = next(number["id"] for number in seen if number["organization"] == "globex")
    assert (await doors.ask("GET", f"/v1/directory/numbers/{theirs}")).status_code == 404
    taken = await doors.ask("PUT", f"/v1/directory/numbers/{theirs}", {"account": "twilio-main"})
    assert (taken.status_code, taken.json()["code"]) == (403, "operator_only")
    account = await doors.ask(
        "PATCH", "/v1/directory/accounts/twilio-main", {"base_url": "http://evil.example"}
    )
    assert account.status_code == 403
    assert (await doors.ask("GET", "/v1/directory/numbers", key=globex)).status_code == 403
    can = (await doors.ask("GET", f"/v1/sms-compliance/can-send/{mine[0]['id']}")).json()
    assert {"can_send", "reason", "status"} <= can.keys()
    assert (await doors.ask("GET", f"/v1/sms-compliance/can-send/{theirs}")).status_code == 404
