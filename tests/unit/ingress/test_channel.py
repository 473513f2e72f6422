"""The channel API: what `POST /v1/sms/` and `GET /v1/sms/{id}` answer, field by field."""

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from directory.snapshot import Directory
from ingress import channel
from ingress.app import make_app
from ingress.codes import Code
from ledger import LedgerUnavailableError
from ledger.claims import Absent, Closed
from ledger.claims import Sending as Held
from ledger.view import Seen
from schemas import ids
from schemas.provider import Fault, Provider
from schemas.public import Attempt, AttemptOutcome, Failure, StatusRecord, Step
from schemas.status import CHANNEL_API, State
from tests.fakes import world
from tests.fakes.doors import NOW, MemoryDoor
from tests.fakes.pools import EMPTY, HANDSET, USE_CASE, WEST, directory

BODY: dict[str, Any] = {"use_case_id": USE_CASE, "to_phone_number": HANDSET, "message": "Hello"}
AT = "2023-11-14T22:13:20.000Z"
CONTRACT = [
    "id", "use_case_id", "message_sid", "from_number", "to_number", "body", "num_segments", "status",
    "handed_off_at", "delivered_at", "errored_at", "error_code", "created_at", "updated_at",
]  # fmt: skip


@dataclass
class Door(MemoryDoor):
    """The application over a directory with use cases."""

    directory: Directory = field(default_factory=directory)

    def client(self, key: str = world.KEY) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"}
        transport = httpx.ASGITransport(make_app(self.parts()), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers)

    async def post(self, path: str = "/v1/sms/", **fields: Any) -> httpx.Response:
        async with self.client() as client:
            return await client.post(path, json={**BODY, **fields})

    async def get(self, path: str, key: str = world.KEY) -> httpx.Response:
        async with self.client(key) as client:
            return await client.get(path)


@pytest.mark.parametrize("path", ["/v1/sms/", "/v1/sms"])
async def test_a_send_is_answered_with_the_contracts_fields_first(path: str) -> None:
    door = Door()
    answer = await door.post(path, reference="order 5")
    assert answer.status_code == 201
    (message,) = door.broker.messages()
    body = answer.json()
    assert list(body)[: len(CONTRACT)] == CONTRACT
    assert {name: body[name] for name in CONTRACT} == {
        "id": message.message_id,
        "use_case_id": USE_CASE,
        "message_sid": "SM" + message.message_id.replace("-", ""),
        "from_number": None,
        "to_number": HANDSET,
        "body": "Hello",
        "num_segments": None,
        "status": "pending",
        "handed_off_at": None,
        "delivered_at": None,
        "errored_at": None,
        "error_code": None,
        "created_at": AT,
        "updated_at": AT,
    }
    assert (body["state"], body["segments"], body["reference"]) == ("queued", 1, "order 5")
    assert (message.provider, message.content.use_case_id) == (None, USE_CASE)


@pytest.mark.parametrize("end", ["", "/"])
async def test_it_is_found_at_once(end: str) -> None:
    door = Door()
    sent = (await door.post()).json()
    found = await door.get(f"/v1/sms/{sent['id']}{end}")
    assert found.status_code == 200
    assert found.json() == sent
    assert found.headers["cache-control"] == "no-store"
    own = (await door.get(f"/sms/{sent['id']}")).json()
    assert (own["use_case_id"], own["from_phone_number"]) == (USE_CASE, None)


async def test_others_and_what_names_its_sender_are_not_found() -> None:
    door = Door()
    sent = (await door.post()).json()
    plain = {"from_phone_number": WEST, "to_phone_number": HANDSET, "message": "Hello"}
    async with door.client() as client:
        other = (await client.post("/sms/send", json=plain)).json()
    for path, key in (
        (f"/v1/sms/{sent['id']}", world.OTHER_KEY),
        (f"/v1/sms/{other['message_id']}", world.KEY),
        ("/v1/sms/nonsense", world.KEY),
    ):
        answer = await door.get(path, key)
        assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found")


async def test_scopes() -> None:
    door = Door()
    async with door.client(world.READ_KEY) as client:
        answer = await client.post("/v1/sms/", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", Code.MALFORMED_JSON),
        (b"{}", Code.MISSING_FIELD),
        (b'{"use_case_id": "promo"}', Code.INVALID_FIELD),
    ],
)
async def test_a_flawed_body_is_422_here(body: bytes, code: Code) -> None:
    async with Door().client() as client:
        answer = await client.post("/v1/sms/", content=body)
        elsewhere = await client.post("/sms/send", content=b"{")
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (422, code, 422)
    assert elsewhere.status_code == 400


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"use_case_id": "00000000-0000-4000-8000-000000000000"}, 404, Code.USE_CASE_NOT_FOUND),
        ({"use_case_id": EMPTY}, 422, Code.NO_SENDER),
        ({"to_phone_number": "+12025550"}, 422, Code.NOT_A_NUMBER),
        ({"message": ""}, 422, Code.EMPTY_MESSAGE),
        ({"message": "x" * 1601}, 422, Code.MESSAGE_TOO_LONG),
        ({"valid_for": 0}, 422, Code.INVALID_FIELD),
        ({"send_at": "2033-01-01T00:00:00Z"}, 422, Code.INVALID_FIELD),
    ],
)
async def test_refused_and_nothing_is_sent(fields: dict[str, Any], status: int, code: Code) -> None:
    door = Door()
    answer = await door.post(**fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (door.broker.records, door.view.rows) == ([], {})


async def test_who_has_opted_out_is_not_written_to() -> None:
    door = Door()
    for scope in ("acme", f"acme/{USE_CASE}"):
        door.view.opted = {(scope, HANDSET)}
        answer = await door.post()
        assert (answer.status_code, answer.json()["code"]) == (422, Code.OPTED_OUT)
    door.view.opted = {(f"acme/{EMPTY}", HANDSET), ("globex", HANDSET), ("acme", "+14157700198")}
    assert (await door.post()).status_code == 201


async def test_a_landline_that_a_provider_has_told_of() -> None:
    door = Door()
    door.view.fixed = {HANDSET}
    answer = await door.post()
    assert (answer.status_code, answer.json()["code"]) == (422, Code.LANDLINE)


async def test_while_the_ledger_is_away_it_is_accepted_unasked() -> None:
    """What the ledger would have said is seen at the hand-over."""
    door = Door()
    door.view.opted = {("acme", HANDSET)}
    door.view.down = LedgerUnavailableError("away")
    assert (await door.post()).status_code == 201
    assert len(door.broker.messages()) == 1


async def test_without_the_brokers_word_it_is_503_with_the_id() -> None:
    door = Door()
    door.broker.away = True
    answer = await door.post(idempotency_key="k")
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    assert answer.json()["message_id"] == ids.of_key("acme", "k")


async def test_a_repeated_key_gets_the_same_bytes_whatever_has_become_of_it() -> None:
    door = Door()
    first = await door.post(idempotency_key="k", send_at="2023-11-15T00:00:00Z")
    known = door.view.rows[first.json()["id"]]
    for change in (
        {},
        {"sequence": 1, "from_number": WEST, "provider": Provider.TWILIO, "account": "tw"},
        {"sequence": 2, "status": State.FAILED, "at": NOW + 5, "provider": Provider.TWILIO,
         "failure": Failure(code="rejected", detail="No")},
        # `route` found it so: the directory was changed in between.
        {"sequence": 1, "status": State.FAILED, "at": NOW + 5, "taken_back": True,
         "failure": Failure(code="use_case_suspended", detail="It is suspended.")},
    ):  # fmt: skip
        door.view.rows[known.message_id] = known.model_copy(update=change)
        again = await door.post(idempotency_key="k", send_at="2023-11-15T01:00:00+01:00")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotent-replayed"] == "true"
    assert len(door.broker.records) == 1


async def test_a_key_that_was_used_for_other_content_is_a_conflict() -> None:
    door = Door()
    await door.post(idempotency_key="k")
    answer = await door.post(idempotency_key="k", message="Other")
    assert (answer.status_code, answer.json()["code"]) == (422, "conflict")
    plain = {
        "from_phone_number": WEST,
        "to_phone_number": HANDSET,
        "message": "Hello",
        "idempotency_key": "k",
    }
    async with door.client() as client:
        answer = await client.post("/sms/send", json=plain)
    assert (answer.status_code, answer.json()["code"]) == (422, "conflict")


async def test_what_was_taken_is_answered_again_though_it_would_be_refused_now() -> None:
    door = Door()
    first = await door.post(idempotency_key="k")
    door.directory = directory(use_case={"status": "suspended"})
    again = await door.post(idempotency_key="k")
    assert again.content == first.content
    assert (await door.post()).status_code == 422


async def test_what_the_kafka_door_refused_is_refused_again() -> None:
    door = Door()
    first = (await door.post(idempotency_key="k")).json()
    row = door.view.rows[first["id"]]
    failure = Failure(code="no_sender", detail="No phone number is assigned to the use case.")
    door.view.rows[first["id"]] = row.model_copy(
        update={"sequence": 1, "status": State.FAILED, "failure": failure}
    )
    again = await door.post(idempotency_key="k")
    assert (again.status_code, again.json()["code"]) == (422, "no_sender")


async def test_what_is_scheduled_says_when() -> None:
    door = Door()
    sent = (await door.post(send_at="2023-11-15T00:00:00+00:00")).json()
    assert (sent["send_at"], sent["status"], sent["state"]) == (
        "2023-11-15T00:00:00.000Z", "pending", "queued",
    )  # fmt: skip
    async with door.client() as client:
        cancelled = (await client.delete(f"/sms/{sent['id']}")).json()
        assert cancelled["success"] is True
        found = (await client.get(f"/v1/sms/{sent['id']}")).json()
    assert (found["status"], found["state"], found["error_code"]) == ("failed", "cancelled", 151)


async def test_a_send_from_a_number_is_answered_at_once_where_it_is_held() -> None:
    """Nobody waits for the outcome of what is not due."""
    door = Door()
    body = {"from_phone_number": WEST, "to_phone_number": HANDSET, "message": "Hello", "queue": False,
            "send_at": "2023-11-15T00:00:00Z", "idempotency_key": "k"}  # fmt: skip
    async with door.client() as client:
        first = await client.post("/sms/send", json=body)
        again = await client.post("/sms/send", json=body)
    assert (first.status_code, first.json()["status"]) == (200, "queued")
    assert first.json()["send_at"] == "2023-11-15T00:00:00.000Z"
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


def row(*history: State, **fields: Any) -> StatusRecord:
    steps = tuple(Step(status=state, at=NOW + 1000 * place) for place, state in enumerate(history))
    return StatusRecord(
        id="s", message_id=ids.of_key("acme", "k"), organization="acme", sequence=len(steps),
        status=history[-1], at=steps[-1].at, accepted_at=NOW, forget_at=0, use_case_id=USE_CASE,
        to_number=HANDSET, text="Hello", segments=2, fingerprint="1:x", history=steps, **fields,
    )  # fmt: skip


def shown(found: StatusRecord, claim: Any = Absent()) -> dict[str, Any]:  # noqa: B008  a value
    return channel.members(found, Seen(found, claim, whole=True))


Q, N, S, D, U, F, C = State
REJECTED = Failure(code="rejected", detail="No", fault=Fault.RECIPIENT)
THERE = Failure(code="failed", detail="No", fault=Fault.RETRYABLE)
NOT_THERE = Failure(code="undelivered", detail="No")
EXPIRED = Failure(code="expired", detail="Too late")


def at(second: int | None) -> str | None:
    return None if second is None else f"2023-11-14T22:13:{20 + second}.000Z"


@pytest.mark.parametrize(
    ("history", "failure", "status", "handed_off", "delivered", "errored", "error_code"),
    [
        ((Q,), None, "pending", None, None, None, None),
        ((Q, N), None, "pending", None, None, None, None),
        ((Q, S), None, "sent", 1, None, None, None),
        ((Q, N, S), None, "sent", 2, None, None, None),
        ((Q, S, D), None, "delivered", 1, 2, None, None),
        # The receipt came before our own send call returned.
        ((Q, D), None, "delivered", 1, 1, None, None),
        ((Q, S, U), NOT_THERE, "undelivered", 1, None, 2, 300),
        ((Q, U), NOT_THERE, "undelivered", 1, None, 1, 300),
        ((Q, S, F), THERE, "failed", 1, None, 2, 401),
        ((Q, F), REJECTED, "failed", None, None, 1, 202),
        ((Q, F), EXPIRED, "failed", None, None, 1, 150),
        ((F,), Failure(code="no_sender", detail=""), "failed", None, None, 0, 132),
        ((Q, C), None, "failed", None, None, 1, 151),
        # A failure that was a belief.
        ((Q, N, F, S), None, "sent", 3, None, None, None),
        # Sent again: what became of the first try ends nothing.
        ((Q, N, Q), None, "pending", None, None, None, None),
        ((Q, S, U, S), None, "sent", 3, None, None, None),
    ],
)
def test_the_life_of_a_message(  # noqa: PLR0917  a row of the table above
    history: tuple[State, ...],
    failure: Failure | None,
    status: str,
    handed_off: int | None,
    delivered: int | None,
    errored: int | None,
    error_code: int | None,
) -> None:
    told = shown(row(*history, failure=failure))
    assert (told["status"], told["error_code"]) == (status, error_code)
    times = [told[name] for name in ("handed_off_at", "delivered_at", "errored_at")]
    assert times == [at(handed_off), at(delivered), at(errored)]
    assert told["num_segments"] == (None if handed_off is None else 2)
    assert (told["created_at"], told["updated_at"]) == (at(0), at(len(history) - 1))


def test_an_attempt_that_was_taken_says_when() -> None:
    taken = Attempt(
        number=1, at=NOW, provider=Provider.TWILIO, account="tw", sender=WEST, outcome=AttemptOutcome.ACCEPTED
    )
    assert shown(row(Q, D, attempts=(taken,)))["handed_off_at"] == at(0)


def test_a_claim_that_is_held_is_pending_still() -> None:
    held = Held(attempt=1, record="t:0:1", nonce="n", until=1, maybe_sent=False)
    told = shown(row(Q), held)
    assert (told["status"], told["state"]) == ("pending", "sending")
    cancelled = shown(row(Q), Closed("cancelled", 0))
    assert (cancelled["status"], cancelled["error_code"]) == ("failed", 151)


def test_the_contracts_words() -> None:
    assert set(CHANNEL_API) == set(State)
    assert set(CHANNEL_API.values()) == {"pending", "sent", "delivered", "failed", "undelivered"}


def test_the_external_id_looks_like_those_that_clients_know() -> None:
    assert re.fullmatch("SM[0-9a-f]{32}", channel.message_sid(ids.of_key("acme", "k")))
