"""The REST door over HTTP, byte for byte, with broker and ledger in memory."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Never
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from ingress.app import documented, make_app
from ledger import LedgerUnavailableError
from schemas import ids
from schemas.public import StatusRecord
from tests.fakes import world
from tests.fakes.doors import MemoryDoor

LIMIT = 2000
BODY = {"from_phone_number": world.TELNYX, "to_phone_number": world.HANDSET, "message": "Hello"}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Door(MemoryDoor):
    """The application and what lies behind it."""

    def client(self, key: str | None = world.KEY) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(make_app(self.parts()), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers)


@pytest.fixture
def door() -> Door:
    return Door()


async def test_the_answer_is_the_references_word_for_word(door: Door) -> None:
    async with door.client() as client:
        answer = await client.post("/sms/send", json=BODY)
    message_id = ids.uuid7(1_700_000_000_000, b"\x07" * 10)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        f'{{"success":true,"message_id":"{message_id}","message":"SMS queued successfully via telnyx",'
        '"provider":"telnyx","status":"queued","num_segments":1}'
    )


@pytest.mark.parametrize("again", ["k-1", '"k-1"'])
async def test_a_repeated_key_gets_the_same_bytes(door: Door, again: str) -> None:
    async with door.client() as client:
        first = await client.post("/sms/send", json={**BODY, "idempotency_key": "k-1"})
        second = await client.post("/sms/send", json=BODY, headers={"Idempotency-Key": again})
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.content == second.content
    assert len(door.broker.records) == 1


async def test_a_key_with_other_content_is_422(door: Door) -> None:
    async with door.client() as client:
        await client.post("/sms/send", json={**BODY, "idempotency_key": "k-1"})
        answer = await client.post("/sms/send", json={**BODY, "message": "Other", "idempotency_key": "k-1"})
    assert answer.status_code == 422
    body = answer.json()
    assert body.pop("instance") == UUID(answer.json()["instance"]).urn
    assert body == {
        "detail": "This idempotency key was used with other content",
        "code": "conflict",
        "type": "urn:heliograph:error:conflict",
        "title": "Idempotency key has other content",
        "status": 422,
        "message_id": ids.of_key("acme", "k-1"),
    }


async def test_broker_away_is_503_with_the_id(door: Door) -> None:
    door.broker.away = True
    async with door.client() as client:
        answer = await client.post("/sms/send", json={**BODY, "idempotency_key": "k-1"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["message_id"] == ids.of_key("acme", "k-1")
    assert answer.json()["code"] == "broker_unavailable"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b"[]", 400, "malformed_json"),
        (b"{}", 400, "missing_field"),
        (json.dumps({**BODY, "message": 1}).encode(), 400, "invalid_field"),
        (json.dumps({**BODY, "message": ""}).encode(), 400, "empty_message"),
        (json.dumps({**BODY, "from_phone_number": "+19995550100"}).encode(), 404, "sender_not_found"),
        (json.dumps({**BODY, "from_phone_number": world.OTHERS}).encode(), 403, "wrong_organization"),
        (json.dumps({**BODY, "message": "x" * LIMIT}).encode(), 413, "body_too_large"),
    ],
)
async def test_errors_have_a_sentence_and_a_code(door: Door, body: bytes, status: int, code: str) -> None:
    async with door.client() as client:
        answer = await client.post("/sms/send", content=body)
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert isinstance(answer.json()["detail"], str)
    assert door.broker.records == []


async def test_a_body_that_does_not_say_its_length_is_bounded_too(door: Door) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(LIMIT):
            yield b"  "

    async with door.client() as client:
        answer = await client.post("/sms/send", content=parts())
    assert answer.status_code == 413


async def test_who_is_not_known_is_told_how_to_be(door: Door) -> None:
    async with door.client(None) as client:
        answer = await client.post("/sms/send", json=BODY)
        status = await client.get(f"/sms/{ids.of_key('acme', 'k')}/status")
    for found in (answer, status):
        assert found.status_code == 401
        assert found.headers["www-authenticate"] == "Bearer"
        assert found.json()["code"] == "unauthenticated"


async def test_a_key_without_the_scope_is_403(door: Door) -> None:
    async with door.client(world.READ_KEY) as client:
        answer = await client.post("/sms/send", json=BODY)
    assert answer.status_code == 403
    assert answer.json()["code"] == "missing_scope"


async def test_a_message_is_found_at_once_by_its_owner_alone(door: Door) -> None:
    async with door.client() as client, door.client(world.OTHER_KEY) as other:
        message_id = (await client.post("/sms/send", json=BODY)).json()["message_id"]
        found = await client.get(f"/sms/{message_id}/status")
        hidden = await other.get(f"/sms/{message_id}/status")
    assert found.status_code == 200
    assert found.json()["status"] == found.json()["state"] == "queued"
    assert hidden.status_code == 404
    assert hidden.json()["detail"] == f"Message {message_id} not found"
    assert hidden.json()["code"] == "message_not_found"


async def test_an_unknown_id_is_404_only_in_a_whole_view(door: Door) -> None:
    path = f"/sms/{ids.of_key('acme', 'nothing')}/status"
    async with door.client() as client:
        assert (await client.get(path)).status_code == 404
        door.view.whole = False
        assert (await client.get(path)).status_code == 503
        door.view.down = LedgerUnavailableError("timeout")
        unavailable = await client.get(path)
        assert (await client.get("/sms/nope/status")).status_code == 404
    assert unavailable.status_code == 503
    assert "retry-after" in unavailable.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/sms/send", 405, "method_not_allowed"),
        ("PUT", "/sms/send", 405, "method_not_allowed"),
        ("POST", "/sms/x/status", 405, "method_not_allowed"),
    ],
)
async def test_wrong_paths_and_methods_are_errors_like_others(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    async with door.client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert isinstance(answer.json()["detail"], str)
    assert ("allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(("given", "handed_on"), [(PARENT, True), ("00-xyz", False), (None, False)])
async def test_the_trace_goes_along(door: Door, given: str | None, handed_on: bool) -> None:
    async with door.client() as client:
        await client.post("/sms/send", json=BODY, headers={"traceparent": given} if given else {})
    assert door.broker.headers == [((("traceparent", PARENT.encode()),) if handed_on else ())]


async def test_ready_only_with_what_is_needed(door: Door) -> None:
    async with door.client(None) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        door.broker_says = "no broker"
        unready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"broker": "ok"})
    assert (unready.status_code, unready.json()["checks"]) == (503, {"broker": "no broker"})


async def test_metrics_count_answers_by_outcome(door: Door) -> None:
    def count(text: str, outcome: str) -> float:
        line = f'helio_ingress_sends_total{{outcome="{outcome}"}} '
        return next((float(row.removeprefix(line)) for row in text.splitlines() if row.startswith(line)), 0.0)

    async with door.client() as client:
        before = (await client.get("/metrics")).text
        await client.post("/sms/send", json=BODY)
        await client.post("/sms/send", json={**BODY, "message": ""})
        after = (await client.get("/metrics")).text
    for outcome in ("queued", "empty_message"):
        assert count(after, outcome) == count(before, outcome) + 1


async def unused(_: Request) -> Response:
    raise AssertionError


class Broken(dict[str, StatusRecord]):
    """What no code of ours expects."""

    def get(self, *_: object) -> Never:
        raise ZeroDivisionError


async def test_a_fault_of_ours_is_an_error_like_others(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.view.rows = Broken()
    async with door.client() as client:
        answer = await client.post("/sms/send", json={**BODY, "idempotency_key": "k"})
        status = await client.get(f"/sms/{ids.of_key('acme', 'k')}/status")
    for found in (answer, status):
        assert found.status_code == 500
        assert (found.json()["detail"], found.json()["code"]) == ("Internal error", "internal")
    assert "request.failed" in caplog.text


def test_the_openapi_document_says_what_the_routes_do(door: Door) -> None:
    document: dict[str, Any] = documented(door.parts(), unused).openapi()
    send = document["paths"]["/sms/send"]["post"]
    body = send["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["from_phone_number", "to_phone_number", "message"]
    assert set(body["properties"]) == {
        "from_phone_number", "to_phone_number", "message", "media_urls", "queue", "idempotency_key",
        "reference",
    }  # fmt: skip
    assert body["properties"]["message"]["maxLength"] == 1600
    assert set(send["responses"]) == {"200", "400", "401", "403", "404", "413", "422", "503"}
    assert {parameter["name"] for parameter in send["parameters"]} == {"Idempotency-Key"}
    for path in ("/sms/send", "/sms/{message_id}/status"):
        (operation,) = document["paths"][path].values()
        assert operation["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
