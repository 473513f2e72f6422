"""Opt-outs over REST: written, listed and taken back, by keys that may, each in its own organization."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from directory.snapshot import Directory
from ingress.app import make_app
from ledger import LedgerUnavailableError
from schemas import topics
from schemas.directory import ApiKey, Entry, Scope, UseCase
from schemas.optouts import Consent, OptOut, Source
from tests.fakes import world
from tests.fakes.doors import NOW, MemoryDoor

ADMIN, THEIRS = "helio_admin", "helio_their_admin"
USE = UUID(int=1)
ADA, BOB = "+14155550190", "+14155550191"


def directory() -> Directory:
    entities: list[ApiKey | UseCase] = [
        ApiKey(organization=owner, id=f"{owner}-admin", sha256=world.sha256(key), scopes=frozenset(Scope))
        for owner, key in (("acme", ADMIN), ("globex", THEIRS))
    ]
    entities.append(UseCase(organization="acme", id=USE, name="News", numbers=(world.TWILIO,)))
    made, refused = world.directory().after(
        Entry(kind=one.kind, id=str(one.id), organization=one.organization, version=1, at=1, entity=one)
        for one in entities
    )
    assert not refused
    return made


class Door(MemoryDoor):
    """The application and what lies behind it."""

    async def ask(self, method: str, key: str = ADMIN, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(make_app(self.parts()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            headers = {"Authorization": f"Bearer {key}"}
            return await client.request(method, "/v1/optouts", headers=headers, **how)

    @property
    def written(self) -> list[OptOut]:
        return [OptOut.decode(value) for topic, _, value in self.broker.records if topic == topics.OPTOUTS]


@pytest.fixture
def door() -> Door:
    return Door(directory=directory())


async def test_an_opt_out_is_on_its_topic_and_in_the_ledger_before_the_answer(door: Door) -> None:
    answer = await door.ask("POST", json={"number": ADA, "use_case_id": str(USE), "note": "by letter"})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.json() == {
        "number": ADA,
        "use_case_id": str(USE),
        "sender": None,
        "consent": "out",
        "source": "api",
        "at": "2023-11-14T22:13:20Z",
        "note": "by letter",
    }
    [record] = door.written
    assert (record.organization, record.source, record.at) == ("acme", Source.API, NOW)
    [(_, key, _)] = door.broker.records
    assert key.encode() == record.key
    assert await door.view.opted_out([(("acme", f"acme/{USE}"), ADA), (("acme",), ADA)]) == [True, False]


async def test_it_is_taken_back(door: Door) -> None:
    await door.ask("POST", json={"number": ADA})
    assert await door.view.opted_out([(("acme",), ADA)]) == [True]
    answer = await door.ask("DELETE", params={"number": ADA})
    assert (answer.status_code, answer.json()["consent"]) == (200, "in")
    assert await door.view.opted_out([(("acme",), ADA)]) == [False]
    assert [one.consent for one in door.written] == [Consent.OUT, Consent.IN]


async def test_they_are_listed_page_by_page_and_by_number(door: Door) -> None:
    for number, more in ((BOB, {}), (ADA, {"use_case_id": str(USE)}), (ADA, {})):
        await door.ask("POST", json={"number": number, **more})
    await door.ask("POST", THEIRS, json={"number": ADA})
    first = (await door.ask("GET", params={"limit": "2"})).json()
    assert [(one["number"], one["use_case_id"]) for one in first["items"]] == [(ADA, None), (ADA, str(USE))]
    last = (await door.ask("GET", params={"limit": "2", "cursor": first["next_cursor"]})).json()
    assert [one["number"] for one in last["items"]] == [BOB]
    assert last["next_cursor"] is None
    of_ada = (await door.ask("GET", params={"number": ADA})).json()
    assert of_ada == {"items": first["items"], "next_cursor": None}
    assert (await door.ask("GET", params={"number": "+14155550192"})).json()["items"] == []


async def test_nobody_sees_another_organizations(door: Door) -> None:
    await door.ask("POST", json={"number": ADA})
    assert (await door.ask("GET", THEIRS)).json()["items"] == []
    assert (await door.ask("GET", THEIRS, params={"number": ADA})).json()["items"] == []


async def test_writing_wants_the_scope_admin(door: Door) -> None:
    assert (await door.ask("GET", world.READ_KEY)).status_code == 200
    for method, how in (("POST", {"json": {"number": ADA}}), ("DELETE", {"params": {"number": ADA}})):
        answer = await door.ask(method, world.READ_KEY, **how)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert (await door.ask("GET", "nobody")).status_code == 401
    assert door.written == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "number"),
        ({"number": "4155550190"}, "number"),
        ({"number": 14155550190}, "number"),
        ({"number": ADA, "use_case_id": "x"}, "use_case_id"),
        ({"number": ADA, "note": "x" * 201}, "note"),
        ({"number": ADA, "consent": "in"}, "consent"),
    ],
)
async def test_what_is_wrong_is_named(door: Door, body: dict[str, object], field: str) -> None:
    answer = await door.ask("POST", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_entity")
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert door.written == []


async def test_only_for_use_cases_that_there_are(door: Door) -> None:
    for key, use_case in ((ADMIN, UUID(int=9)), (THEIRS, USE)):
        answer = await door.ask("POST", key, json={"number": ADA, "use_case_id": str(use_case)})
        assert (answer.status_code, answer.json()["code"]) == (404, "use_case_not_found")
    assert door.written == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
async def test_what_is_no_json_object_is_400(door: Door, body: bytes) -> None:
    assert (await door.ask("POST", content=body)).status_code == 400


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "x"}, {"limit": "1001"}])
async def test_pages_have_an_end(door: Door, params: dict[str, str]) -> None:
    assert (await door.ask("GET", params=params)).json()["code"] == "invalid_field"


async def test_without_the_broker_it_is_503(door: Door) -> None:
    door.broker.away = {topics.OPTOUTS}
    answer = await door.ask("POST", json={"number": ADA})
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    assert door.view.noted == []


async def test_without_the_ledger_the_topic_has_it_and_nobody_can_be_shown(door: Door) -> None:
    door.view.down = LedgerUnavailableError("no answer")
    # A key's rate is asked of the ledger as well, and goes without it.
    assert (await door.ask("POST", json={"number": ADA})).status_code == 201
    assert len(door.written) == 1
    assert (await door.ask("GET")).json()["code"] == "ledger_unavailable"
