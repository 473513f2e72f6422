"""API keys over REST: shown once, held to their scopes, replaced with time to change over, revoked."""

from typing import Any

import httpx
import pytest

from directory.changes import compare
from directory.checks import flaws
from directory.file import parse
from ingress.keys import authenticate
from schemas.directory import ApiKey, Scope
from tests.fakes import world
from tests.fakes.admin import ACME, FILE, NOW, OPERATOR, SENDER, AdminDoor


@pytest.fixture
def door() -> AdminDoor:
    return AdminDoor()


def opens(door: AdminDoor, key: str, scope: Scope = Scope.SEND) -> bool:
    return isinstance(authenticate(f"Bearer {key}", door.directory, scope, door.now), ApiKey)


async def test_a_key_is_shown_once_and_works_at_once(door: AdminDoor) -> None:
    async with door.client() as client:
        made = await client.post("/v1/keys", json={"id": "website", "scopes": ["send"], "rate": 5})
        read = await client.get("/v1/keys/website")
        listed = await client.get("/v1/keys")
    assert made.status_code == 201
    secret = made.json()["key"]
    assert made.json() == {
        "key": secret, "id": "website", "organization": "acme", "scopes": ["send"], "rate": 5.0, "burst": 50,
        "status": "active", "revoked": False, "former_until": [], "version": 1,
        "updated_at": "2023-11-14T22:13:20.000Z",
    }  # fmt: skip
    assert secret.startswith("helio_")
    assert len(secret) == len("helio_") + 64
    assert opens(door, secret)
    assert not opens(door, secret, Scope.READ)
    assert read.json() == {name: value for name, value in made.json().items() if name != "key"}
    for answer in (read, listed):
        assert secret not in answer.text
    (change,) = door.written
    assert secret not in change.entry(NOW).encode().decode()


async def test_no_two_secrets_are_alike(door: AdminDoor) -> None:
    async with door.client() as client:
        made = [(await client.post("/v1/keys", json={"id": f"k{n}"})).json()["key"] for n in range(5)]
    assert len(set(made)) == 5


@pytest.mark.parametrize("taken", ["demo", "globex-admin"])
async def test_an_id_that_is_taken_by_whomever(door: AdminDoor, taken: str) -> None:
    async with door.client() as client:
        answer = await client.post("/v1/keys", json={"id": taken})
    assert (answer.status_code, answer.json()["code"]) == (409, "id_taken")
    assert "key" not in answer.json()
    assert door.written == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "id"),
        ({"id": "No"}, "id"),
        ({"id": "k", "scopes": []}, "scopes"),
        ({"id": "k", "scopes": ["root"]}, "scopes.0"),
        ({"id": "k", "burst": 0}, "burst"),
        ({"id": "k", "sha256": world.sha256("x")}, "sha256"),
        ({"id": "k", "organization": "globex"}, "organization"),
        ({"id": "k", "former": []}, "former"),
    ],
)
async def test_what_is_wrong_names_the_field(door: AdminDoor, body: dict[str, Any], field: str) -> None:
    """A hash cannot be brought along: whoever knew that of another's key could take its place."""
    async with door.client() as client:
        answer = await client.post("/v1/keys", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert door.written == []


async def test_scopes_and_status_change_at_once(door: AdminDoor) -> None:
    async with door.client() as client:
        fewer = await client.patch("/v1/keys/demo", json={"scopes": ["read"]})
        assert fewer.json()["scopes"] == ["read"]
        assert (opens(door, SENDER), opens(door, SENDER, Scope.READ)) == (False, True)
        asleep = await client.patch("/v1/keys/demo", json={"status": "suspended"})
        assert asleep.json()["scopes"] == ["read"]
        assert not opens(door, SENDER, Scope.READ)
        stale = await client.patch("/v1/keys/demo", json={"status": "active", "version": 1})
        assert stale.status_code == 412
        wrong = await client.patch("/v1/keys/demo", json={"sha256": world.sha256("x")})
        assert wrong.json()["errors"][0]["field"] == "sha256"
        assert (await client.patch("/v1/keys/demo", json={"status": "active"})).status_code == 200
    assert opens(door, SENDER, Scope.READ)


async def test_a_revoked_key_is_gone_at_once(door: AdminDoor) -> None:
    async with door.client() as client:
        answer = await client.delete("/v1/keys/demo")
        again = await client.delete("/v1/keys/demo")
        read = await client.get("/v1/keys/demo")
        taken = await client.post("/v1/keys", json={"id": "demo"})
    assert answer.status_code == 200
    assert (answer.json()["revoked"], answer.json()["status"]) == (True, "suspended")
    assert answer.json() == again.json() == read.json()
    assert len(door.written) == 1
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")
    assert not opens(door, SENDER)


async def test_a_revoked_key_and_all_before_it_stay_so(door: AdminDoor) -> None:
    """Whatever is done with its id: only a new secret opens anything."""
    async with door.client() as client:
        second = (await rotate(client))["key"]
        assert (await client.delete("/v1/keys/demo")).json()["former_until"] == []
        assert (await client.patch("/v1/keys/demo", json={"status": "active"})).json()["revoked"] is True
        assert not any(opens(door, key) for key in (SENDER, second))
        third = await rotate(client)
    assert (third["revoked"], third["former_until"]) == (False, [])
    assert [opens(door, key) for key in (SENDER, second, third["key"])] == [False, False, True]


@pytest.mark.parametrize("prune", [False, True])
async def test_no_file_brings_a_revoked_key_back(door: AdminDoor, prune: bool) -> None:
    """The file that it came from is applied again, and one that gives its secret another name."""
    async with door.client() as client:
        await client.delete("/v1/keys/demo")
    _, problems = compare(door.directory, parse(FILE, source="f", variables={}), prune=prune)
    assert problems == [
        "acme: api_key demo: sha256: this key was revoked; take it out, or put a new one here"
    ]
    renamed = FILE.replace("      demo: ", "      desk: ")
    changes, problems = compare(door.directory, parse(renamed, source="f", variables={}), prune=prune)
    assert problems == [
        "acme: api_key desk: sha256: this key was revoked; take it out, or put a new one here"
    ]
    assert not [change for change in changes if change.id == "demo"], "what is pruned would be forgotten"
    anew = FILE.replace(world.sha256(SENDER), world.sha256("helio_new"))
    (change,), problems = compare(door.directory, parse(anew, source="f", variables={}), prune=prune)
    assert problems == []
    assert door.take(change.entry(NOW))
    assert (opens(door, SENDER), opens(door, "helio_new")) == (False, True)


async def test_several_keys_may_be_revoked(door: AdminDoor) -> None:
    async with door.client() as client:
        await client.post("/v1/keys", json={"id": "website"})
        for name in ("demo", "website"):
            assert (await client.delete(f"/v1/keys/{name}")).status_code == 200
        assert (await client.post("/v1/keys", json={"id": "other"})).status_code == 201
    assert not list(flaws(door.directory.live))


async def test_what_was_read_of_a_key_may_be_sent_back(door: AdminDoor) -> None:
    async with door.client() as client:
        await rotate(client)
        read = (await client.get("/v1/keys/demo")).json()
        fewer = await client.patch("/v1/keys/demo", json={**read, "scopes": ["read"]})
        assert (fewer.status_code, fewer.json()["scopes"]) == (200, ["read"])
        whole = {name: value for name, value in fewer.json().items() if name != "version"}
        door.now += 25 * 3600 * 1000  # the former key has ended meanwhile
        assert (await client.patch("/v1/keys/demo", json=whole)).status_code == 200
        for field, value in (
            ("id", "other"), ("organization", "globex"), ("revoked", True), ("former_until", ["2030-01-01"]),
            ("colour", "red"),
        ):  # fmt: skip
            wrong = await client.patch("/v1/keys/demo", json={**whole, field: value})
            assert wrong.status_code == 422, field
            assert wrong.json()["errors"][0]["field"] == field


async def test_who_revokes_its_own_key_is_out(door: AdminDoor) -> None:
    async with door.client() as client:
        assert (await client.delete("/v1/keys/acme-admin")).status_code == 200
        assert (await client.get("/v1/keys")).status_code == 401


async def rotate(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/keys/demo/rotate", json=body)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_both_keys_are_good_for_a_while_after_a_rotation(door: AdminDoor) -> None:
    async with door.client() as client:
        found = await rotate(client, good_for=60)
        new = found["key"]
        assert found["former_until"] == ["2023-11-14T22:14:20.000Z"]
        assert opens(door, SENDER)
        assert opens(door, new)
        door.now += 60_000
        assert not opens(door, SENDER)
        assert opens(door, new)
        assert (await client.get("/v1/keys/demo")).json()["former_until"] == []


async def test_a_rotation_at_once_ends_every_key_before(door: AdminDoor) -> None:
    async with door.client() as client:
        first = (await rotate(client))["key"]
        assert (opens(door, SENDER), opens(door, first)) == (True, True)
        second = (await rotate(client, good_for=0))["key"]
    assert [opens(door, key) for key in (SENDER, first, second)] == [False, False, True]


async def test_without_a_body_the_old_key_is_good_for_a_day(door: AdminDoor) -> None:
    async with door.client() as client:
        answer = await client.post("/v1/keys/demo/rotate")
    assert answer.json()["former_until"] == ["2023-11-15T22:13:20.000Z"]


@pytest.mark.parametrize("good_for", [-1, 2_592_001, "60", 1.5])
async def test_no_key_is_good_for_ever(door: AdminDoor, good_for: object) -> None:
    async with door.client() as client:
        answer = await client.post("/v1/keys/demo/rotate", json={"good_for": good_for})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "good_for")


async def test_nobody_gives_itself_more_than_it_has(door: AdminDoor) -> None:
    """Acme's admin has 100 requests a second, and 50 at once."""
    async with door.client() as client:
        for method, path, body in (
            ("POST", "/v1/keys", {"id": "k", "rate": 101}),
            ("POST", "/v1/keys", {"id": "k", "rate": None}),
            ("POST", "/v1/keys", {"id": "k", "rate": 1, "burst": 51}),
            ("PATCH", "/v1/keys/acme-admin", {"rate": None}),
            ("PATCH", "/v1/keys/acme-admin", {"rate": 200}),
            ("PATCH", "/v1/keys/demo", {"rate": 101}),
        ):
            answer = await client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "operator_only"), answer.text
        assert door.written == []
        # What it does not touch is not its doing: the operator gave `demo` no rate.
        assert (await client.patch("/v1/keys/demo", json={"scopes": ["send"]})).status_code == 200
        inherited = await client.post("/v1/keys", json={"id": "k"})
    assert (inherited.json()["rate"], inherited.json()["burst"]) == (100.0, 50)


async def test_the_operator_makes_keys_for_others(door: AdminDoor) -> None:
    async with door.client(OPERATOR) as client:
        made = await client.post("/v1/keys", params={"organization": "initech"}, json={"id": "first"})
        own = await client.post("/v1/keys", json={"id": "second", "scopes": ["admin"]})
        wrong = await client.post("/v1/keys", params={"organization": "No such"}, json={"id": "third"})
        listed = (await client.get("/v1/keys", params={"organization": "initech"})).json()["items"]
    assert (made.json()["organization"], made.json()["rate"]) == ("initech", None)
    assert own.json()["organization"] == "operator"
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_field")
    assert [key["id"] for key in listed] == ["first"]


async def test_secrets_stay_out_of_the_log(door: AdminDoor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with door.client() as client:
        made = (await client.post("/v1/keys", json={"id": "website"})).json()["key"]
        new = (await rotate(client))["key"]
    assert "admin.changed action=create kind=api_key id=website organization=acme version=1" in caplog.text
    assert "by=acme-admin" in caplog.text
    for secret in (made, new, ACME):
        assert secret not in caplog.text
        assert world.sha256(secret) not in caplog.text
