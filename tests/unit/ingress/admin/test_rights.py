"""What a tenant's admin tries in vain: others' things, accounts, registrations, numbers of others."""

import itertools
import json
from typing import Any

import pytest

from directory.changes import compare, put
from directory.file import parse
from directory.snapshot import Directory
from schemas.directory import Number
from tests.fakes import world
from tests.fakes.admin import ACME, GLOBEX, NOW, OPERATOR, OWN, USE_CASE, AdminDoor

SECRETS = {"provider": "twilio", "account_sid": "AC1", "api_key_sid": "SK1", "api_key_secret": "env:A",
           "auth_tokens": ["env:A"]}  # fmt: skip
#: Words that are the operator's, or globex's.
HIDDEN = ("globex", "env:TW", "secret.example", "AC00", world.OTHERS, "operators")


@pytest.fixture
def door() -> AdminDoor:
    return AdminDoor()


#: Everything in the directory that is not acme's: path, what is written there.
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/directory/brands/globex-inc", {"name": "Mine"}),
    ("/v1/directory/brands/operators", {"name": "Mine"}),
    (f"/v1/directory/numbers/{world.OTHERS}", {"account": "acme-own"}),
    ("/v1/directory/assistants/support", {"name": "Mine", "numbers": []}),
    ("/v1/keys/globex-admin", {"status": "suspended"}),
    ("/v1/keys/root", {"scopes": ["read"]}),
]


@pytest.mark.parametrize(("path", "body"), OTHERS)
async def test_others_things_look_as_if_they_were_not_there(
    door: AdminDoor, path: str, body: dict[str, Any]
) -> None:
    async with door.client() as client:
        for answer in (
            await client.get(path),
            await client.delete(path),
            await client.patch(path, json=body),
            await client.post(f"{path}/rotate") if "keys" in path else await client.get(path),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "entity_not_found"), answer.text
        for organization in ("globex", "operator", "initech"):
            for method in ("GET", "PATCH", "DELETE"):
                answer = await client.request(method, path, params={"organization": organization}, json=body)
                assert (answer.status_code, answer.json()["code"]) == (403, "operator_only")
    assert door.written == []


@pytest.mark.parametrize(("path", "body"), OTHERS[:4])
async def test_others_things_are_not_taken_by_writing_them(
    door: AdminDoor, path: str, body: dict[str, Any]
) -> None:
    async with door.client() as client:
        answer = await client.put(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "id_taken")
        for more in ({"organization": "globex"}, {"organization": "operator"}):
            assert (await client.put(path, json={**body, **more})).status_code == 422
            assert (await client.put(path, params=more, json=body)).status_code == 403
    assert door.written == []
    for word in HIDDEN:
        assert word not in answer.json()["detail"].replace(path.rpartition("/")[2], "")


async def test_lists_have_ones_own_alone(door: AdminDoor) -> None:
    async with door.client() as client:
        for kind in (
            "organizations",
            "brands",
            "campaigns",
            "numbers",
            "assistants",
            "use_cases",
            "accounts",
        ):
            answer = await client.get(f"/v1/directory/{kind}")
            assert answer.status_code == 200
            assert [word for word in HIDDEN if word in answer.text] == []
            if kind != "accounts":
                assert {item["organization"] for item in answer.json()["items"]} <= {"acme"}
        keys = (await client.get("/v1/keys")).json()["items"]
        refused = await client.get("/v1/directory/numbers", params={"organization": "globex"})
    assert [key["id"] for key in keys] == ["acme-admin", "demo"]
    assert refused.status_code == 403


async def test_of_accounts_only_what_concerns_who_sends_through_them(door: AdminDoor) -> None:
    async with door.client() as client:
        listed = (await client.get("/v1/directory/accounts")).json()["items"]
        one = (await client.get("/v1/directory/accounts/tw")).json()
    async with door.client(GLOBEX) as other:
        absent = await other.get("/v1/directory/accounts/acme-own")
    assert [account["id"] for account in listed] == ["acme-own", "tw", "tx"]
    assert set(one) == {"kind", "id", "organization", "provider", "status", "version", "updated_at"}
    assert all(set(account) == set(one) for account in listed), (
        "its own account's secrets are not told either"
    )
    assert absent.status_code == 404


@pytest.mark.parametrize("name", ["tw", "acme-own", "new"])
async def test_accounts_are_the_operators_to_write(door: AdminDoor, name: str) -> None:
    path = f"/v1/directory/accounts/{name}"
    bodies: list[dict[str, Any]] = [
        {"credentials": SECRETS},
        {"credentials": SECRETS, "base_url": "https://evil.example"},
    ]
    async with door.client() as client:
        for body in bodies:
            answer = await client.put(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "operator_only")
        for body in ({"base_url": "https://evil.example"}, {"rate": 9}, {"status": "suspended"}):
            answer = await client.patch(path, json=body)
            assert answer.status_code == (404 if name == "new" else 403), answer.text
            assert "env:" not in answer.text
        assert (await client.delete(path)).status_code == (404 if name == "new" else 403)
    assert door.written == []


async def test_a_number_is_given_out_by_whoever_has_its_account(door: AdminDoor) -> None:
    """Else anybody could send from any number on the operator's accounts that is not in the directory yet."""
    async with door.client() as client:
        new = await client.put("/v1/directory/numbers/+14155550777", json={"account": "tw"})
        moved = await client.patch(f"/v1/directory/numbers/{OWN}", json={"account": "tw"})
        own = await client.put("/v1/directory/numbers/+14155550778", json={"account": "acme-own", "rate": 9})
        taken = await client.put(f"/v1/directory/numbers/{world.OTHERS}", json={"account": "tw"})
    async with door.client(GLOBEX) as other:
        strange = await other.put("/v1/directory/numbers/+14155550779", json={"account": "acme-own"})
    assert [(answer.status_code, answer.json()["code"]) for answer in (new, moved)] == [
        (403, "operator_only")
    ] * 2
    assert [error["field"] for error in new.json()["errors"]] == ["account"]
    assert own.status_code == 201
    # Nobody learns in this way which numbers others have on the operator's accounts.
    assert (taken.status_code, taken.json()["errors"]) == (new.status_code, new.json()["errors"])
    assert strange.json()["errors"] == [{"field": "account", "detail": "there is no account acme-own"}]


async def test_the_operator_frees_a_number_that_a_tenant_has_written_first(door: AdminDoor) -> None:
    """With an account of its own a tenant may write any number that nobody has. It cannot send from it."""
    number = "+14155550780"
    wanted = parse(world.of("globex", f'numbers: {{"{number}": {{account: tw}}}}'), source="f", variables={})
    async with door.client() as client:
        first = await client.put(f"/v1/directory/numbers/{number}", json={"account": "acme-own"})
        desk = await client.put("/v1/directory/assistants/new", json={"name": "New", "numbers": [number]})
    assert (first.status_code, desk.status_code) == (201, 201)
    (problem,) = compare(door.directory, wanted, prune=False)[1]
    assert problem.startswith(f"globex: number {number}: it belongs to acme; retire it there, or delete it")
    async with door.client(OPERATOR) as operator:
        used = await operator.delete(f"/v1/directory/numbers/{number}")
        assert (used.status_code, used.json()["code"]) == (409, "in_use")
        assert (await operator.patch("/v1/directory/assistants/new", json={"numbers": []})).status_code == 200
        assert (await operator.delete(f"/v1/directory/numbers/{number}")).status_code == 200
    (change,), problems = compare(door.directory, wanted, prune=False)
    assert (change.organization, problems) == ("globex", [])
    assert door.take(change.entry(NOW))


@pytest.mark.parametrize(
    "fields",
    [{"rate": 500.0}, {"burst": 90}, {"day_cap": None}, {"campaign": None}, {"account": "tx"},
     {"account": "acme-own"}, {"capabilities": ["mms"]}, {"number_kind": "toll_free"}],
)  # fmt: skip
async def test_of_a_number_on_the_operators_account_only_the_use_is_ones_own(
    door: AdminDoor, fields: dict[str, Any]
) -> None:
    path = f"/v1/directory/numbers/{world.TWILIO}"
    async with door.client() as client:
        answer = await client.patch(path, json=fields)
        whole = await client.put(path, json={**(await client.get(path)).json(), **fields})
        for one in (answer, whole):
            assert (one.status_code, one.json()["code"]) == (403, "operator_only")
            assert [error["field"] for error in one.json()["errors"]] == list(fields)
        beside = await client.patch(path, json={**fields, "status": "suspended"})
        assert [error["field"] for error in beside.json()["errors"]] == list(fields)
        assert door.written == []
        asleep = await client.patch(path, json={"status": "suspended"})
        awake = await client.patch(path, json={"status": "active"})
    assert asleep.status_code == 200
    assert (awake.status_code, awake.json()["errors"][0]["field"]) == (403, "status")


async def test_a_tenant_does_not_verify_itself(door: AdminDoor) -> None:
    async with door.client() as client:
        for path, body, field in (
            ("brands/b", {"name": "B", "registration": "verified"}, "registration"),
            ("brands/b", {"name": "B", "day_cap": 5}, "day_cap"),
            ("brands/acme-new", {"name": "B", "registration": "verified"}, "registration"),
            ("brands/acme-inc", {"name": "Other", "registration": "verified", "day_cap": 2000}, "name"),
            ("campaigns/c", {"brand": "acme-new", "use": "u", "registration": "verified"}, "registration"),
            ("campaigns/c", {"brand": "acme-new", "use": "u", "rate": 50}, "rate"),
            (
                "campaigns/acme-orders",
                {"brand": "acme-new", "use": "orders", "registration": "verified", "rate": 4},
                "brand",
            ),
        ):
            answer = await client.put(f"/v1/directory/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "operator_only")
            assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert door.written == []
        assert (await client.put("/v1/directory/brands/b", json={"name": "B"})).status_code == 201
        assert (await client.put("/v1/directory/brands/acme-new", json={"name": "N"})).status_code == 200
        body = {"brand": "b", "use": "u"}
        assert (await client.put("/v1/directory/campaigns/c", json=body)).status_code == 201


async def test_what_is_others_cannot_be_named(door: AdminDoor) -> None:
    """Not to send from it, and not to learn of it: the answer is that of what there is not."""
    async with door.client() as client:
        for path, body, field in (
            ("campaigns/c", {"brand": "globex-inc", "use": "u"}, "brand"),
            ("assistants/a", {"name": "A", "numbers": [world.OTHERS]}, "numbers"),
            (f"use_cases/{USE_CASE}", {"name": "U", "numbers": [world.OTHERS]}, "numbers"),
        ):
            answer = await client.put(f"/v1/directory/{path}", json=body)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == field
            assert answer.json()["errors"][0]["detail"].startswith("there is no ")
            assert "globex " not in answer.text
            assert "support" not in answer.text
    assert door.written == []


async def test_another_organizations_defaults(door: AdminDoor) -> None:
    async with door.client() as client:
        for name in ("globex", "operator", "initech"):
            answer = await client.put(f"/v1/directory/organizations/{name}", json={"validity_seconds": 1})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_entity")
        own = await client.put("/v1/directory/organizations/acme", json={"validity_seconds": 60})
    assert own.status_code == 201
    assert [change.organization for change in door.written] == ["acme"]


async def test_a_topic_of_its_own_is_the_operators_to_give(door: AdminDoor) -> None:
    path = "/v1/directory/organizations/acme"
    async with door.client() as client:
        refused = await client.put(path, json={"own_topic": True})
        kept = await client.put(path, json={"own_topic": False, "redact": True})
    async with door.client(OPERATOR) as operator:
        given = await operator.put(path, json={"own_topic": True}, params={"organization": "acme"})
    async with door.client() as client:
        taken = await client.put(path, json={})
        changed = await client.put(path, json={"own_topic": True, "redact": True})
    assert (refused.status_code, kept.status_code) == (403, 201)
    assert refused.json()["errors"] == [{"field": "own_topic", "detail": "only the operator may set it"}]
    assert (given.status_code, taken.status_code, changed.status_code) == (200, 403, 200)


def snapshot(directory: Directory) -> dict[tuple[str, str], Any]:
    return {key: (entry.version, entry.entity) for key, entry in directory.entries.items()}


async def test_whatever_a_tenant_sends_nothing_but_its_own_moves(door: AdminDoor) -> None:
    """Every method on every id of everybody, as every kind, with every other organization's name."""
    before = snapshot(door.directory)
    ids = sorted({name for _, name in door.directory.live} | {"acme", "globex", "operator"})
    kinds = ("organizations", "accounts", "brands", "campaigns", "numbers", "assistants", "use_cases")
    bodies: list[dict[str, Any]] = [
        {"name": "X", "numbers": [world.OTHERS], "organization": "globex"},
        {"name": "X", "numbers": []},
        {"account": "acme-own"},
        {"account": "tw"},
        {"credentials": SECRETS},
        {"status": "suspended"},
        {"validity_seconds": 60},
    ]
    paths = [f"/v1/directory/{kind}/{name}" for kind in kinds for name in ids]
    paths += [f"/v1/keys/{name}" for name in ids if name != "globex-admin"]
    async with door.client(GLOBEX) as client:
        for path in paths:
            for method, body in itertools.product(("PUT", "PATCH"), bodies):
                await client.request(method, path, content=json.dumps(body))
            await client.delete(path)
    after = snapshot(door.directory)
    moved = {key for key in after if after[key] != before.get(key)}
    assert {door.directory.entries[key].organization for key in moved} == {"globex"}
    assert not any(kind == "account" for kind, _ in moved)
    theirs = {key: seen for key, seen in before.items() if seen[1].organization != "globex"}
    assert {key: after.get(key) for key in theirs} == theirs


async def test_two_who_want_one_number_at_once(door: AdminDoor) -> None:
    """The first in the log has it, also where both were decided before either was written."""
    number = "+14155550777"

    def operator_is_first() -> None:
        change = put(door.directory, Number(organization="globex", id=number, account="tw"))
        assert change is not None
        assert door.take(change.entry(NOW))

    door.meanwhile = operator_is_first
    async with door.client() as client:
        lost = await client.put(f"/v1/directory/numbers/{number}", json={"account": "acme-own"})
        later = await client.put(f"/v1/directory/numbers/{number}", json={"account": "acme-own"})
    async with door.client(OPERATOR) as operator:
        held = (await operator.get(f"/v1/directory/numbers/{number}")).json()
    assert (lost.status_code, lost.json()["code"]) == (409, "changed_meanwhile")
    assert (later.status_code, later.json()["code"]) == (409, "id_taken")
    assert held["organization"] == "globex"


@pytest.mark.parametrize("key", [ACME, OPERATOR])
async def test_no_answer_has_a_hash(door: AdminDoor, key: str) -> None:
    """Who knows the hash of a key might look for the key, or claim it."""
    async with door.client(key) as client:
        answers = [
            await client.get("/v1/keys"),
            await client.get("/v1/keys/acme-admin"),
            await client.post("/v1/keys/demo/rotate"),
            await client.get("/v1/directory/api_keys"),
        ]
    for answer in answers:
        assert "sha256" not in answer.text
        assert world.sha256(world.KEY) not in answer.text
