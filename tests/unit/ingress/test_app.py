"""The REST door over HTTP, byte for byte, with broker and ledger in memory."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Never
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from ingress import openapi
from ingress.app import make_app, routes
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
    message_id = ids.uuid7(1_700_000_000_000, (1).to_bytes(10))
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


@pytest.mark.parametrize("path", ["/sms/send/", "/sms/x/status/", "/sms/queue/stats/", "/docs/", "/readyz/"])
async def test_no_path_leads_to_a_host_that_the_caller_names(door: Door, path: str) -> None:
    """A redirect would be to `http` and the `Host` of the request; some clients take their key along."""
    async with door.client() as client:
        for method in ("GET", "POST"):
            answer = await client.request(method, path, headers={"Host": "evil.example"})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_two_different_keys_in_headers_are_refused(door: Door) -> None:
    async with door.client() as client:
        for keys, status in ((("a", "b"), 400), (("a", '"a"'), 200)):
            headers = [("Idempotency-Key", key) for key in keys]
            assert (await client.post("/sms/send", json=BODY, headers=headers)).status_code == status
    assert [record[1] for record in door.broker.records] == [ids.of_key("acme", "a")]


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
        counted = (await client.get("/metrics")).text
    assert 'helio_ingress_sends_total{outcome="internal"}' in counted
    for found in (answer, status):
        assert found.status_code == 500
        assert (found.json()["detail"], found.json()["code"]) == ("Internal error", "internal")
    assert "request.failed" in caplog.text


#: The same as what is documented, but for the slash at the end.
ALIASES = {"/v1/sms", "/v1/sms/{message_id}/"}


def served(door: Door) -> dict[str, set[str]]:
    """Methods by path; what is there to be refused or to show the document is left out."""
    found: dict[str, set[str]] = {}
    for route in routes(door.parts(), unused, unused):
        if route.path in ALIASES:
            continue
        if route.path not in found and not route.path.startswith(("/docs", "/openapi.json")):
            found[route.path] = {method.lower() for method in route.methods or ()} - {"head"}
    return found


def test_what_is_served_is_what_is_documented(door: Door) -> None:
    documented = {
        path: {method for method in operations if method != "parameters"}
        for path, operations in openapi.document()["paths"].items()
    }
    assert served(door) == documented


async def test_a_key_is_held_to_its_rate_on_every_route(door: Door) -> None:
    door.view.waits["demo"] = 1200
    directory = world.directory(world.FILE.replace("demo: {sha256: ", "demo: {rate: 5, sha256: "))
    async with Door(view=door.view, directory=directory).client() as client:
        asked = [
            await client.post("/sms/send", json=BODY),
            await client.get("/sms/queue/stats"),
            await client.get(f"/sms/{ids.of_key('acme', 'k')}"),
            await client.get(f"/sms/{ids.of_key('acme', 'k')}/status"),
            await client.delete(f"/sms/{ids.of_key('acme', 'k')}"),
        ]
    for answer in asked:
        assert answer.status_code == 429
        assert answer.json()["code"] == "rate_limited"
        assert answer.headers["retry-after"] == "2"
    assert door.broker.records == []
