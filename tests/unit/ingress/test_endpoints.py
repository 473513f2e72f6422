"""Cancels, the whole record and figures over HTTP, with broker and ledger in memory."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from ingress.app import make_app
from ledger import LedgerUnavailableError
from schemas.public import StatusRecord
from schemas.status import State
from tests.fakes import world
from tests.fakes.doors import MemoryDoor

BODY = {"from_phone_number": world.TELNYX, "to_phone_number": world.HANDSET, "message": "Hello"}


class Door(MemoryDoor):
    """The application and what lies behind it."""

    def client(self, key: str = world.KEY) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(make_app(self.parts()), raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers)

    async def told(self, message_id: str, **fields: Any) -> None:
        """As the fold goes on."""
        row: StatusRecord = self.view.rows[message_id]
        await self.view.put([row.model_copy(update={"sequence": row.sequence + 1, **fields})])


@pytest.fixture
def door() -> Door:
    return Door()


async def test_a_waiting_message_is_cancelled_and_shown_so_at_once(door: Door) -> None:
    async with door.client() as client:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        answer = await client.delete(f"/sms/{message_id}")
        status = (await client.get(f"/sms/{message_id}/status")).json()
        whole = (await client.get(f"/sms/{message_id}")).json()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message_id": message_id,
        "message": "SMS cancelled successfully",
        "previous_status": "queued",
        "new_status": "cancelled",
        "state": "cancelled",
    }
    assert (status["status"], status["state"]) == ("cancelled", "cancelled")
    assert (whole["status"], whole["state"]) == ("cancelled", "cancelled")


async def test_a_cancel_that_is_too_late_says_how_far_it_had_got(door: Door) -> None:
    async with door.client() as client:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        await door.told(message_id, status=State.DELIVERED)
        answer = await client.delete(f"/sms/{message_id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": False,
        "message_id": message_id,
        "message": "Message is already sent",
        "previous_status": "sent",
        "new_status": None,
        "state": "delivered",
    }


async def test_another_organizations_message_can_neither_be_seen_nor_cancelled(door: Door) -> None:
    async with door.client() as client, door.client(world.OTHER_KEY) as other:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        answers = [
            await other.get(f"/sms/{message_id}"),
            await other.delete(f"/sms/{message_id}"),
            await client.delete(f"/sms/{uuid4()}"),
            await client.delete("/sms/nope"),
        ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert answers[1].json()["detail"] == f"Message {message_id} not found"
    assert answers[3].json()["detail"] == "Message nope not found"
    assert door.broker.facts() == []


@pytest.mark.parametrize(("method", "path"), [("DELETE", f"/sms/{UUID(int=1)}"), ("POST", "/sms/send")])
async def test_a_reader_changes_nothing(door: Door, method: str, path: str) -> None:
    async with door.client(world.READ_KEY) as client:
        answer = await client.request(method, path, json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


async def test_a_cancel_that_the_broker_does_not_acknowledge_is_503(door: Door) -> None:
    async with door.client() as client:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        door.broker.away = True
        answer = await client.delete(f"/sms/{message_id}")
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    assert answer.json()["message_id"] == message_id
    assert int(answer.headers["retry-after"]) > 0
    assert door.view.claims == {}


async def test_the_figures_are_the_organizations_own(door: Door) -> None:
    async with door.client() as client, door.client(world.OTHER_KEY) as other:
        for sender in (world.TELNYX, world.TELNYX, world.TWILIO):
            await client.post("/sms/send", json={**BODY, "from_phone_number": sender})
        mine = (await client.get("/sms/queue/stats")).json()
        theirs = (await other.get("/sms/queue/stats")).json()
        one = (await client.get("/sms/queue/stats", params={"provider": "telnyx"})).json()
        unknown = await client.get("/sms/queue/stats", params={"provider": "pigeon"})
    assert mine["timestamp"] == "2023-11-14T22:13:20Z"
    assert {name: found["pending"] for name, found in mine["queues"].items()} == {
        "twilio": 1,
        "telnyx": 2,
        "vonage": 0,
    }
    assert mine["queues"]["telnyx"] == {
        "pending": 2,
        "active": 0,
        "failed": 0,
        "oldest_pending_seconds": 0.0,
    }
    assert theirs["queues"]["telnyx"]["pending"] == 0
    assert one == {**mine, "queues": {"telnyx": mine["queues"]["telnyx"]}}
    assert (unknown.status_code, unknown.json()["code"]) == (400, "invalid_field")


async def test_figures_that_are_not_true_are_not_told(door: Door) -> None:
    door.view.whole = False
    async with door.client() as client:
        partly = await client.get("/sms/queue/stats")
        door.view.down = LedgerUnavailableError("timeout")
        away = await client.get("/sms/queue/stats")
    for answer in (partly, away):
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
