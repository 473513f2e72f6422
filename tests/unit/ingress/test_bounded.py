"""A ledger that hangs: the REST door says so in time, whatever was asked."""

import asyncio
import json
from typing import Any, Never

import httpx

from ingress import metrics
from ingress.app import make_app
from ingress.bounded import Bounded, within
from ingress.replies import Reply
from ledger import LedgerUnavailableError
from ledger.claims import Cancel
from schemas import ids
from schemas.requests import SendRequest
from schemas.status import State
from tests.fakes import world
from tests.fakes.doors import MemoryDoor, until
from tests.fakes.ledger import MemoryLedger

#: Any deadline will do that a hung call never meets.
DEADLINE_SECONDS = 30
BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}


async def hang(*_: object) -> Never:
    await asyncio.Event().wait()
    raise AssertionError


ALL = frozenset({"first", "get", "get_many", "hold", "release", "answered", "cancel", "queues"})


class Hanging(MemoryLedger):
    """Takes what is asked of `calls`, and never answers: like a server that is stopped."""

    calls = ALL

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return hang if name in super().__getattribute__("calls") else found


async def test_what_comes_in_time_is_given() -> None:
    async def answer() -> str:
        return "here"

    assert await within(answer()) == "here"


async def test_every_call_ends() -> None:
    bounded = Bounded(Hanging())
    asked = [
        bounded.first([]),
        bounded.get("m"),
        bounded.get_many(["m"]),
        bounded.hold([]),
        bounded.release("m", "t"),
        bounded.cancel([Cancel("m", 1, 1)]),
        bounded.queues("acme", 1),
    ]
    async with asyncio.timeout(DEADLINE_SECONDS):
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found} == {LedgerUnavailableError}


async def test_every_route_says_so() -> None:
    door = MemoryDoor(view=Hanging())
    message_id = ids.of_key("acme", "k")
    transport = httpx.ASGITransport(make_app(door.parts()))
    headers = {"Authorization": f"Bearer {world.KEY}"}
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers) as client,
        asyncio.timeout(DEADLINE_SECONDS),
    ):
        answers = await asyncio.gather(
            *(client.post("/sms/send", json={**BODY, "idempotency_key": f"{n}"}) for n in range(30)),
            client.post(
                "/sms/send", json={**BODY, "from_phone_number": "+19995550100", "idempotency_key": "k"}
            ),
            client.get(f"/sms/{message_id}"),
            client.get(f"/sms/{message_id}/status"),
            client.delete(f"/sms/{message_id}"),
            client.get("/sms/queue/stats"),
        )
        keyless = await client.post("/sms/send", json=BODY)
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (503, "ledger_unavailable")
    }
    assert keyless.status_code == 200
    assert len(door.broker.records) == 1


class Unkept(Hanging):
    """Hangs where the answer is kept."""

    calls = frozenset({"answered"})


async def send(door: MemoryDoor, **fields: Any) -> Any:
    return await door.sending.send(SendRequest.model_validate({**BODY, **fields}), "acme")


async def test_an_answer_does_not_wait_for_being_kept() -> None:
    """Its caller was promised it within the bound. What it lost is counted."""
    door = MemoryDoor(view=Unkept())
    before = metrics.ANSWERS_LOST._value.get()
    async with asyncio.timeout(DEADLINE_SECONDS):
        sending = asyncio.create_task(send(door, queue=False, idempotency_key="k"))
        await until(lambda: bool(door.view.rows))
        (row,) = door.view.rows.values()
        await door.view.put([row.model_copy(update={"sequence": 1, "status": State.SENT})])
        answer = await sending
    assert isinstance(answer, Reply)
    assert json.loads(answer.body)["status"] == "sent"
    assert metrics.ANSWERS_LOST._value.get() == before + 1


class Unreleased(Hanging):
    """Hangs where a hold is given up."""

    calls = frozenset({"release"})


async def test_a_problem_does_not_wait_for_its_hold_to_end() -> None:
    door = MemoryDoor(view=Unreleased())
    door.broker.away = True
    async with asyncio.timeout(DEADLINE_SECONDS):
        problem = await send(door, idempotency_key="k")
    assert problem.code == "broker_unavailable"
