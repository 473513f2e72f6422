"""Each code of the catalogue from a request that causes it, word for word as the OpenAPI document has it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Never
from uuid import UUID

import httpx
import pytest
import yaml

from directory.changes import Change
from directory.snapshot import Directory
from ingress.admin.writing import ChangedMeanwhileError
from ingress.app import make_app
from ingress.codes import STATUS, Code
from ingress.first_rows import first_row
from ingress.openapi import examples
from ingress.openapi.errors import MESSAGE_ID, USE_CASE_ID, example
from ledger import LedgerUnavailableError
from ledger.holds import Hold
from schemas import ids, topics
from schemas.directory import FormerSecret, Subscription
from schemas.messages import Message
from schemas.public import Failure, StatusRecord
from schemas.requests import MAX_MEDIA, MAX_TEXT, MAX_VALID_FOR
from schemas.settings import IngressSettings
from schemas.status import State
from schemas.tracing import Headers
from tests.fakes import world
from tests.fakes.doors import NOW, MemoryBroker, MemoryDoor

SENDER, OTHERS, HANDSET = "+14155550123", "+16465550130", "+12025550143"
BODY: dict[str, Any] = {"from_phone_number": SENDER, "to_phone_number": HANDSET, "message": "Hello"}
CHANNEL: dict[str, Any] = {"use_case_id": USE_CASE_ID, "to_phone_number": HANDSET, "message": "Hello"}
OF_KEY = ids.of_key("acme", "k")


def directory(**fields: Any) -> Directory:
    """One number of acme's; `fields` change it, or what it hangs on."""
    telnyx = {"provider": "telnyx", "api_key": "env:TX", "public_keys": ["env:TX"]}
    number = {"account": "tx", "campaign": "orders", **fields.get("number", {})}
    organizations = {
        "operator": {"accounts": {"tx": {"credentials": telnyx, **fields.get("account", {})}}},
        "acme": {
            "numbers": {SENDER: number} if "number" not in fields or fields["number"] is not None else {},
            "use_cases": {
                USE_CASE_ID: {"name": "Order updates", "numbers": [SENDER], **fields.get("use_case", {})}
            },
            "brands": {"acme": {"name": "Acme", "registration": "verified", **fields.get("brand", {})}},
            "campaigns": {
                "orders": {
                    "brand": "acme",
                    "use": "Orders",
                    "registration": "verified",
                    **fields.get("campaign", {}),
                },
            },
            "assistants": {
                "desk": {"name": "Front desk", "numbers": [SENDER], **fields.get("assistant", {})}
            },
            "api_keys": {
                "demo": {"sha256": world.sha256(world.KEY), **fields.get("key", {})},
            },
        },
        "globex": {"numbers": {OTHERS: {"account": "tx"}}},
    }
    return world.directory(yaml.safe_dump({"organizations": organizations}))


class RefusedBroker(MemoryBroker):
    """What is handed in is refused by its provider at once."""

    rows: dict[str, StatusRecord]

    async def __call__(self, topic: str, message_id: str, value: bytes, headers: Headers) -> None:
        await super().__call__(topic, message_id, value, headers)
        if topic == topics.MESSAGES:
            failure = Failure(code="rejected", detail="The destination number is not valid")
            row = first_row(Message.decode(value))
            self.rows[message_id] = row.model_copy(
                update={"sequence": 2, "status": State.FAILED, "failure": failure}
            )


class Broken(dict[str, StatusRecord]):
    """What no code of ours expects."""

    def get(self, *_: object) -> Never:
        raise ZeroDivisionError


def refusing() -> MemoryDoor:
    broker = RefusedBroker()
    door = MemoryDoor(directory=directory(), broker=broker)
    broker.rows = door.view.rows
    return door


@dataclass
class Cause:
    """A request, and the world that it meets."""

    body: dict[str, Any] | bytes = field(default_factory=lambda: dict(BODY))
    method: str = "POST"
    path: str = "/sms/send"
    headers: dict[str, str] = field(default_factory=dict)
    door: Callable[[], MemoryDoor] = lambda: MemoryDoor(directory=directory())
    meets: Callable[[MemoryDoor], Any] = lambda _door: None
    #: What to do before, asynchronously.
    first: dict[str, Any] | None = None


def having(**fields: Any) -> Cause:
    return Cause({**BODY, **fields})


def where(**fields: Any) -> Cause:
    """The same request, where the directory is otherwise."""
    return Cause(door=lambda: MemoryDoor(directory=directory(**fields)))


def away(door: MemoryDoor) -> None:
    door.broker.away = True


def down(door: MemoryDoor) -> None:
    door.view.down = LedgerUnavailableError("away")


def broken(door: MemoryDoor) -> None:
    door.view.rows = Broken()


def through(**fields: Any) -> Cause:
    """A request through the use case, where the directory is otherwise."""
    return Cause(dict(CHANNEL), path="/v1/sms/", door=lambda: MemoryDoor(directory=directory(**fields)))


def to(number: str, **fields: Any) -> Cause:
    """Another recipient."""
    cause = through(**fields)
    cause.body = {**CHANNEL, "to_phone_number": number}
    return cause


def opted_out(door: MemoryDoor) -> None:
    door.view.opted.add((f"acme/{USE_CASE_ID}", HANDSET))


def office(owner: str = "acme") -> Directory:
    """A number that its organization's front desk sends from; acme's key is an admin's."""
    telnyx = {"provider": "telnyx", "api_key": "env:TX", "public_keys": ["env:TX"]}
    sections: dict[str, dict[str, Any]] = {
        "operator": {"accounts": {"tx": {"credentials": telnyx}}},
        "acme": {"api_keys": {"demo": {"sha256": world.sha256(world.KEY), "scopes": ["send", "admin"]}}},
    }
    sections.setdefault(owner, {}).update(
        numbers={SENDER: {"account": "tx"}},
        assistants={"front-desk": {"name": "Front desk", "numbers": [SENDER]}},
    )
    return world.directory(yaml.safe_dump({"organizations": sections}))


class Racing(MemoryDoor):
    """Another change is always first."""

    async def _change(self, _: Change) -> Never:
        raise ChangedMeanwhileError


def changed_often(door: MemoryDoor) -> None:
    entry = door.directory.entries["assistant", "front-desk"]
    later = [entry.model_copy(update={"version": version}) for version in (2, 3, 4)]
    door.directory, _ = door.directory.after(later)


def subscribed() -> Directory:
    of_acme = {
        "api_keys": {"demo": {"sha256": world.sha256(world.KEY), "scopes": ["send", "admin"]}},
        "subscriptions": {"orders": {"url": "https://example.com/"}},
    }
    return world.directory(yaml.safe_dump({"organizations": {"acme": of_acme}}))


def much_rotated(door: MemoryDoor) -> None:
    """As many former secrets of the subscription sign as may."""
    until = int(datetime(2026, 4, 30, 11, 15, tzinfo=UTC).timestamp() * 1000)
    former = tuple(FormerSecret(version=version, until=until) for version in (4, 3, 2, 1))
    entry = door.directory.entries["subscription", "orders"]
    assert isinstance(entry.entity, Subscription)
    rotated = entry.entity.model_copy(update={"secret_version": 5, "former_secrets": former})
    later = entry.model_copy(update={"version": 2, "entity": rotated})
    door.directory, _ = door.directory.after([later])


def admin(
    method: str, path: str, body: dict[str, Any] | bytes = b"", owner: str = "acme", **more: Any
) -> Cause:
    """A request to the admin API."""
    return Cause(
        body,
        method,
        f"/v1/directory/{path}",
        **{"door": lambda: MemoryDoor(directory=office(owner)), **more},
    )


DESK: dict[str, Any] = {"name": "Desk", "numbers": [SENDER]}
CAUSES: dict[Code, Cause] = {
    Code.MALFORMED_JSON: Cause(b"{"),
    Code.MISSING_FIELD: Cause({name: value for name, value in BODY.items() if name != "to_phone_number"}),
    Code.INVALID_FIELD: having(valid_for=MAX_VALID_FOR + 1),
    Code.INVALID_SENDER: having(from_phone_number="415 555"),
    Code.INVALID_RECIPIENT: having(to_phone_number="0800"),
    Code.EMPTY_MESSAGE: having(message=" "),
    Code.MESSAGE_TOO_LONG: having(message="x" * (MAX_TEXT + 1)),
    Code.TEXT_TOO_LONG_FOR_PROVIDER: having(message="x" * MAX_TEXT),
    Code.NUL_IN_MESSAGE: having(message="a\0b"),
    Code.INVALID_MEDIA_URL: having(media_urls=["ftp://example.com/a"]),
    Code.PRIVATE_MEDIA_URL: having(media_urls=["https://127.0.0.1/a"]),
    Code.TOO_MANY_MEDIA: having(media_urls=["https://example.com/a"] * (MAX_MEDIA + 1)),
    Code.INVALID_IDEMPOTENCY_KEY: Cause(headers={"Idempotency-Key": '""'}),
    Code.BODY_TOO_LARGE: having(reference="x" * IngressSettings().body_limit_bytes),
    Code.UNAUTHENTICATED: Cause(headers={"Authorization": ""}),
    Code.MISSING_SCOPE: where(key={"scopes": ["read"]}),
    Code.WRONG_ORGANIZATION: having(from_phone_number=OTHERS),
    Code.RATE_LIMITED: Cause(
        door=lambda: MemoryDoor(directory=directory(key={"rate": 5})),
        meets=lambda door: door.view.waits.update(demo=200),
    ),
    Code.SENDER_NOT_FOUND: where(assistant={"numbers": []}),
    Code.SENDER_SUSPENDED: where(number={"status": "suspended"}),
    Code.ASSISTANT_SUSPENDED: where(assistant={"status": "suspended"}),
    Code.ACCOUNT_UNAVAILABLE: where(account={"status": "suspended"}),
    Code.SMS_NOT_SUPPORTED: where(number={"capabilities": ["mms"]}),
    Code.MEDIA_NOT_SUPPORTED: Cause(
        {**BODY, "media_urls": ["https://example.com/a"]},
        door=lambda: MemoryDoor(directory=directory(number={"capabilities": ["sms"]})),
    ),
    Code.USE_CASE_NOT_FOUND: Cause(dict(CHANNEL), path="/v1/sms/", door=MemoryDoor),
    Code.USE_CASE_SUSPENDED: through(use_case={"status": "suspended"}),
    Code.NO_SENDER: through(use_case={"numbers": []}),
    Code.NO_USABLE_SENDER: through(number={"status": "suspended"}),
    Code.CAMPAIGN_NOT_VERIFIED: through(campaign={"registration": "pending"}),
    Code.BRAND_SUSPENDED: through(brand={"registration": "suspended"}),
    Code.NOT_A_NUMBER: to("+12025550"),
    Code.LANDLINE: to("+442071838750"),
    Code.REGION_NOT_PERMITTED: to("+14169670100", use_case={"regions": ["US"]}),
    Code.OPTED_OUT: Cause(dict(CHANNEL), path="/v1/sms/", meets=opted_out),
    Code.INVALID_ENTITY: admin("PUT", "assistants/front-desk", {"numbers": [SENDER]}),
    Code.OPERATOR_ONLY: admin("PATCH", f"numbers/{SENDER}", {"rate": 5}),
    Code.ENTITY_NOT_FOUND: admin("GET", "assistants/front-desk", owner="globex"),
    Code.ID_TAKEN: admin("PUT", "assistants/front-desk", {"name": "Desk", "numbers": []}, owner="globex"),
    Code.IN_USE: admin("DELETE", f"numbers/{SENDER}"),
    Code.CHANGED_MEANWHILE: admin(
        "PUT", "assistants/front-desk", DESK, door=lambda: Racing(directory=office())
    ),
    Code.VERSION_MISMATCH: admin(
        "PUT", "assistants/front-desk", DESK, meets=changed_often, headers={"If-Match": '"3"'}
    ),
    Code.TOO_MANY_SECRETS: Cause(
        b"",
        "POST",
        "/v1/subscriptions/orders/rotate",
        door=lambda: MemoryDoor(directory=subscribed()),
        meets=much_rotated,
    ),
    Code.CONFLICT: Cause(
        {**BODY, "idempotency_key": "k"}, first={**BODY, "message": "Other", "idempotency_key": "k"}
    ),
    Code.IN_FLIGHT: Cause({**BODY, "idempotency_key": "k"}),
    Code.MESSAGE_NOT_FOUND: Cause(b"", "GET", f"/sms/{MESSAGE_ID}"),
    Code.NOT_FOUND: Cause(b"", "GET", "/nothing"),
    Code.METHOD_NOT_ALLOWED: Cause(b"", "PUT"),
    Code.SEND_FAILED: Cause({**BODY, "queue": False}, door=refusing),
    Code.INTERNAL: Cause(b"", "GET", f"/sms/{MESSAGE_ID}", meets=broken),
    Code.BROKER_UNAVAILABLE: Cause(meets=away),
    Code.LEDGER_UNAVAILABLE: Cause({**BODY, "idempotency_key": "k"}, meets=down),
}


PASSING = {Code.IN_FLIGHT, Code.CHANGED_MEANWHILE} | {code for code in Code if STATUS[code] in {429, 503}}


async def asked(code: Code) -> httpx.Response:
    cause = CAUSES[code]
    door = cause.door()
    door.body_limit_bytes = IngressSettings().body_limit_bytes
    cause.meets(door)
    if code is Code.IN_FLIGHT:
        await door.view.hold([Hold(OF_KEY, "1:other", "another", hold_ms=NOW, forget_at=NOW)])
    transport = httpx.ASGITransport(make_app(door.parts()), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {world.KEY}", **cause.headers}
    async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers) as client:
        if cause.first is not None:
            assert (await client.post("/sms/send", json=cause.first)).status_code == 200
        body = cause.body if isinstance(cause.body, bytes) else json.dumps(cause.body).encode()
        return await client.request(cause.method, cause.path, content=body)


@pytest.mark.parametrize("code", Code)
async def test_the_answer_is_the_documents_example(code: Code) -> None:
    answer = await asked(code)
    assert answer.status_code == STATUS[code], answer.text
    told, shown = answer.json(), example(code)
    assert isinstance(told["detail"], str)
    assert list(told) == list(shown)
    for body in (told, shown):
        # Each is of its own.
        assert body.pop("instance").startswith("urn:uuid:")
        if "message_id" in body:
            assert UUID(body["message_id"]).urn.endswith(body.pop("message_id"))
    assert told == shown


@pytest.mark.parametrize("code", Code)
async def test_headers_say_what_to_do(code: Code) -> None:
    headers = (await asked(code)).headers
    assert headers["content-type"] == "application/json"
    assert ("www-authenticate" in headers) is (code in {Code.UNAUTHENTICATED, Code.MISSING_SCOPE})
    assert ("retry-after" in headers) is (code in PASSING)
    assert ("allow" in headers) is (code is Code.METHOD_NOT_ALLOWED)
    if "retry-after" in headers:
        assert int(headers["retry-after"]) >= 1


async def test_what_goes_well_has_the_members_that_are_shown() -> None:
    door = MemoryDoor(directory=directory())
    transport = httpx.ASGITransport(make_app(door.parts()))
    headers = {"Authorization": f"Bearer {world.KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers) as client:
        sent = (await client.post("/sms/send", json=BODY)).json()
        path = f"/sms/{sent['message_id']}"
        status = (await client.get(f"{path}/status")).json()
        record = (await client.get(path)).json()
        stats = (await client.get("/sms/queue/stats")).json()
        cancelled = (await client.delete(path)).json()
    assert list(sent) == list(examples.SENT["queued"])
    assert list(status) == list(examples.STATUS["queued"])
    assert set(record) == set(examples.RECORD["delivered"])
    assert list(cancelled) == list(examples.CANCEL["cancelled"])
    assert list(stats) == list(examples.STATS["all"])
    assert {name: list(queue) for name, queue in stats["queues"].items()} == {
        name: list(queue) for name, queue in examples.STATS["all"]["queues"].items()
    }


def test_every_code_has_a_cause() -> None:
    assert set(CAUSES) == set(Code)
