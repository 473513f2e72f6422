"""The directory over REST: every kind listed, read, made, changed and taken out, with its versions."""

from typing import Any

import pytest

from directory.changes import put
from schemas.directory import Brand
from tests.fakes import world
from tests.fakes.admin import ACME, NOW, OPERATOR, OWN, SENDER, USE_CASE, AdminDoor

TOKENS = {"provider": "twilio", "account_sid": "AC1", "api_key_sid": "SK1", "api_key_secret": "env:A"}
ACCOUNT = {"credentials": {**TOKENS, "auth_tokens": ["env:NEW", "env:OLD"]}, "rate": 5}
#: Of each kind: an id, fields to make it with, fields to change it to.
EACH: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("accounts", "extra", ACCOUNT, {**ACCOUNT, "base_url": "https://api.example"}),
    ("organizations", "operator", {"validity_seconds": 60}, {"on_unknown": "fail"}),
    ("brands", "b", {"name": "B"}, {"name": "C", "registration": "verified"}),
    (
        "campaigns",
        "c",
        {"brand": "operators", "use": "orders"},
        {"brand": "operators", "use": "x", "rate": 2},
    ),
    ("numbers", "+14155550777", {"account": "tw"}, {"account": "tx", "capabilities": ["sms"], "day_cap": 9}),
    ("assistants", "a", {"name": "A", "numbers": []}, {"name": "A", "numbers": [], "status": "suspended"}),
    (
        "use_cases",
        "11111111-1111-4111-8111-111111111111",
        {"name": "U"},
        {"name": "U", "regions": ["US"], "quiet_hours": {"start": "21:00", "end": "08:00", "zone": None}},
    ),
]


@pytest.fixture
def door() -> AdminDoor:
    return AdminDoor()


@pytest.mark.parametrize(("kind", "name", "made", "changed"), EACH, ids=[one[0] for one in EACH])
async def test_the_operator_does_everything_with_every_kind(
    door: AdminDoor, kind: str, name: str, made: dict[str, Any], changed: dict[str, Any]
) -> None:
    path = f"/v1/directory/{kind}/{name}"
    async with door.client(OPERATOR) as client:
        assert (await client.get(path)).status_code == 404
        first = await client.put(path, json=made)
        read = await client.get(path)
        listed = (await client.get(f"/v1/directory/{kind}")).json()["items"]
        again = await client.put(path, json=made)
        second = await client.put(path, json=changed)
        back = await client.put(path, json=second.json())
        third = await client.delete(path)
        gone = await client.get(path)
    assert (first.status_code, first.headers["etag"]) == (201, '"1"')
    assert first.json().items() >= {**made, "id": name, "organization": "operator", "version": 1}.items()
    assert first.json()["updated_at"] == "2023-11-14T22:13:20.000Z"
    assert read.json() == first.json()
    assert read.json() in listed
    assert (again.status_code, again.json()) == (200, first.json()), "what is so already is not written"
    assert (second.status_code, second.json()["version"]) == (200, 2)
    assert second.json().items() >= changed.items()
    assert (back.status_code, back.json()) == (200, second.json()), "an answer can be put back as it is"
    assert third.json() == {
        "kind": first.json()["kind"], "id": name, "organization": "operator", "deleted": True, "version": 3
    }  # fmt: skip
    assert gone.status_code == 404
    assert [change.version for change in door.written] == [1, 2, 3]


async def test_a_change_of_some_fields_leaves_the_others(door: AdminDoor) -> None:
    path = f"/v1/directory/numbers/{world.TWILIO}"
    async with door.client(OPERATOR) as client:
        before = (await client.get(path)).json()
        after = await client.patch(path, json={"rate": 3, "day_cap": None})
    changed = {"rate": 3.0, "day_cap": None, "version": 2, "updated_at": "2023-11-14T22:13:20.000Z"}
    assert after.json() == {**before, **changed}
    assert after.json()["organization"] == "acme"


@pytest.mark.parametrize(
    ("kind", "name", "fields", "errors"),
    [
        ("brands", "b", {}, [("name", "Field required")]),
        ("brands", "b", {"name": 5, "colour": "red"}, [
            ("name", "Input should be a valid string"), ("colour", "Extra inputs are not permitted"),
        ]),
        ("brands", "No", {"name": "B"}, [
            ("id", "String should match pattern '^[a-z0-9][a-z0-9-]{0,62}$'"),
        ]),
        ("brands", "b", {"name": "B", "organization": "globex"}, [
            ("organization", "it is acme, as the path says; leave it out"),
        ]),
        ("brands", "b", {"name": "B", "version": "x"}, [("version", "Input should be a valid integer")]),
        ("campaigns", "c", {"brand": "none", "use": "u"}, [("brand", "there is no brand none")]),
        ("numbers", "+14155550777", {"account": "acme-own", "rate": "1"}, [
            ("rate", "Input should be a valid number"),
        ]),
        ("numbers", "+14155550777", {"account": "acme-own", "rate": 1e-9}, [
            ("rate", "Input should be greater than or equal to 0.001"),
        ]),
        ("numbers", "+14155550777", {"account": "nowhere"}, [("account", "there is no account nowhere")]),
        ("numbers", "+14155550777", {"account": "acme-own", "number_kind": "short_code"}, [
            ("number_kind", "Input should be 'long_code' or 'toll_free'"),
        ]),
        ("assistants", "a", {"name": "A", "numbers": [world.TWILIO]}, [
            ("numbers", f"number {world.TWILIO} is taken already"),
        ]),
        ("use_cases", USE_CASE, {"name": "U", "regions": ["usa"]}, [
            ("regions.0", "String should match pattern '^[A-Z]{2}$'"),
        ]),
        ("use_cases", USE_CASE, {"name": "U", "quiet_hours": {"start": "8", "end": "09:00"}}, [
            ("quiet_hours.start", "String should match pattern '^([01][0-9]|2[0-3]):[0-5][0-9]$'"),
        ]),
        ("use_cases", USE_CASE, {
            "name": "U", "regions": ["UK"],
            "quiet_hours": {"start": "20:00", "end": "08:00", "zone": "Mars/Olympus"},
        }, [
            ("quiet_hours.zone", "Mars/Olympus is no time zone (such as Europe/Berlin)"),
            ("regions", "UK is no region that has phone numbers (such as US; Great Britain is GB)"),
        ]),
        ("use_cases", USE_CASE, {"name": "U", "quiet_hours": {"start": "08:00", "end": "08:00"}}, [
            ("quiet_hours", "start and end are the same: leave quiet hours out where there are none"),
        ]),
        ("use_cases", "nope", {"name": "U"}, [
            ("id", "Input should be a valid UUID, invalid character: found `n` at 0"),
        ]),
        ("organizations", "acme", {"on_unknown": "shrug"}, [
            ("on_unknown", "Input should be 'hold', 'resend' or 'fail'"),
        ]),
    ],
)  # fmt: skip
async def test_what_is_wrong_names_the_field(
    door: AdminDoor, kind: str, name: str, fields: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    async with door.client() as client:
        answer = await client.put(f"/v1/directory/{kind}/{name}", json=fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_entity")
    found = [(error["field"], error["detail"]) for error in answer.json()["errors"]]
    assert [one for one in errors if one not in found] == []
    assert door.written == []


async def test_a_secret_in_place_of_its_reference_is_not_repeated(door: AdminDoor) -> None:
    body = {"credentials": {**TOKENS, "api_key_secret": "hunter2", "auth_tokens": ["hunter2"]}}
    async with door.client(OPERATOR) as client:
        answer = await client.put("/v1/directory/accounts/x", json=body)
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert "env:NAME or file:PATH" in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"name":NaN}', b'{"name":"\\ud800"}', b"\xff", b'{"rate":' + b"[" * 3000]
)
async def test_what_is_no_json_object(door: AdminDoor, body: bytes) -> None:
    async with door.client() as client:
        answer = await client.put("/v1/directory/brands/b", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


async def test_a_rate_that_is_no_number_when_it_is_read_is_refused(door: AdminDoor) -> None:
    """1e999 is JSON, and infinity to whoever reads it; written down again it would be null."""
    async with door.client() as client:
        answer = await client.put(
            f"/v1/directory/numbers/{OWN}", content=b'{"account":"acme-own","rate":1e999}'
        )
    assert answer.status_code in {400, 422}
    assert door.written == []


async def test_a_long_body_is_refused(door: AdminDoor) -> None:
    async with door.client() as client:
        answer = await client.put("/v1/directory/brands/b", json={"name": "x" * 5000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"If-Match": '"1"'}, {}, 200),
        ({"If-Match": "*"}, {}, 200),
        ({"If-Match": '"2"'}, {}, 412),
        ({"If-Match": "soon"}, {}, 400),
        ({"If-None-Match": "*"}, {}, 412),
        ({"If-None-Match": '"1"'}, {}, 400),
        ({}, {"version": 1}, 200),
        ({}, {"version": 7}, 412),
        ({"If-Match": '"1"'}, {"version": 7}, 200),
    ],
)
async def test_a_change_may_name_the_version_that_it_changes(
    door: AdminDoor, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    path = "/v1/directory/assistants/desk"
    async with door.client() as client:
        answer = await client.put(path, headers=headers, json={"name": "D", "numbers": [], **body})
    assert answer.status_code == status
    if status == 412:
        assert answer.json()["code"] == "version_mismatch"


async def test_what_is_deleted_may_have_to_have_a_version(door: AdminDoor) -> None:
    path = "/v1/directory/assistants/desk"
    async with door.client() as client:
        stale = await client.delete(path, headers={"If-Match": '"2"'})
        done = await client.delete(path, headers={"If-Match": '"1"'})
    assert (stale.status_code, done.status_code) == (412, 200)


async def test_nothing_is_made_anew_under_a_version(door: AdminDoor) -> None:
    async with door.client() as client:
        for headers in ({"If-Match": '"1"'}, {"If-Match": "*"}):
            answer = await client.put("/v1/directory/brands/b", headers=headers, json={"name": "B"})
            assert answer.status_code == 412
        answer = await client.put(
            "/v1/directory/brands/b", headers={"If-None-Match": "*"}, json={"name": "B"}
        )
        assert answer.status_code == 201


async def test_who_is_overtaken_by_another_process_is_told(door: AdminDoor) -> None:
    def other() -> None:
        change = put(door.directory, Brand(organization="acme", id="b", name="Theirs"))
        assert change is not None
        assert door.take(change.entry(NOW))

    door.meanwhile = other
    async with door.client() as client:
        answer = await client.put("/v1/directory/brands/b", json={"name": "Mine"})
        held = await client.get("/v1/directory/brands/b")
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")
    assert held.json()["name"] == "Theirs"


async def test_a_broker_that_is_away_is_said(door: AdminDoor) -> None:
    door.away = True
    async with door.client() as client:
        answer = await client.put("/v1/directory/brands/b", json={"name": "B"})
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_what_is_in_use_stays(door: AdminDoor) -> None:
    async with door.client() as client:
        number = await client.delete(f"/v1/directory/numbers/{world.TWILIO}")
        brand = await client.delete("/v1/directory/brands/acme-inc")
    async with door.client(OPERATOR) as client:
        account = await client.delete("/v1/directory/accounts/tx")
    assert [answer.status_code for answer in (number, brand, account)] == [409] * 3
    assert number.json()["code"] == "in_use"
    assert f"assistant desk (numbers), use_case {USE_CASE} (numbers)" in number.json()["detail"]
    assert "campaign acme-orders (brand)" in brand.json()["detail"]
    assert f"number {world.TELNYX} (account)" in account.json()["detail"]


async def test_who_redacts_is_not_deleted_by_the_way(door: AdminDoor) -> None:
    path = "/v1/directory/organizations/acme"
    async with door.client(OPERATOR) as client:
        params = {"organization": "acme"}
        made = await client.put(path, params=params, json={"redact": True})
        refused = await client.delete(path, params=params)
        assert (await client.put(path, params=params, json={"redact": False})).status_code == 200
        gone = await client.delete(path, params=params)
    assert made.status_code in {200, 201}
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "set redact to false first" in refused.json()["detail"]
    assert gone.status_code == 200


async def test_lists_come_in_pages(door: AdminDoor) -> None:
    seen: list[str] = []
    cursor = ""
    async with door.client(OPERATOR) as client:
        for _ in range(3):
            page = (await client.get("/v1/directory/numbers", params={"limit": 2, "cursor": cursor})).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        wrong = [(await client.get("/v1/directory/numbers", params={"limit": n})) for n in ("0", "x", "1001")]
        acme = (await client.get("/v1/directory/numbers", params={"organization": "globex"})).json()["items"]
    assert seen == sorted({world.TWILIO, world.TELNYX, OWN, world.OTHERS})
    assert [(answer.status_code, answer.json()["code"]) for answer in wrong] == [(400, "invalid_field")] * 3
    assert [item["id"] for item in acme] == [world.OTHERS]


async def test_the_operator_writes_for_others(door: AdminDoor) -> None:
    async with door.client(OPERATOR) as client:
        where = {"organization": "initech"}
        made = await client.put("/v1/directory/numbers/+14155550777", params=where, json={"account": "tw"})
        kept = await client.put("/v1/directory/numbers/+14155550777", json={"account": "tx"})
        wrong = await client.put("/v1/directory/numbers/+14155550777", params={"organization": "acme"},
                                 json={"account": "tw"})  # fmt: skip
        bad = await client.put(
            "/v1/directory/brands/x", params={"organization": "No such"}, json={"name": "X"}
        )
        default = await client.put("/v1/directory/organizations/initech", json={"validity_seconds": 5})
    assert (made.status_code, made.json()["organization"]) == (201, "initech")
    assert (kept.status_code, kept.json()["organization"]) == (200, "initech")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "id_taken")
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_field")
    assert default.json()["organization"] == "initech"


@pytest.mark.parametrize("key", [SENDER, "nobody"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/directory/brands"), ("PUT", "/v1/directory/brands/b"), ("GET", "/v1/keys"),
     ("POST", "/v1/keys"), ("POST", "/v1/keys/demo/rotate"), ("DELETE", "/v1/keys/demo")],
)  # fmt: skip
async def test_only_admins_come_in(door: AdminDoor, key: str, method: str, path: str) -> None:
    async with door.client(key) as client:
        answer = await client.request(method, path, json={})
    wanted = (403, "missing_scope") if key == SENDER else (401, "unauthenticated")
    assert (answer.status_code, answer.json()["code"]) == wanted
    assert door.written == []


async def test_kinds_that_there_are_not(door: AdminDoor) -> None:
    async with door.client(OPERATOR) as client:
        for kind in ("api_keys", "pigeons", "number"):
            answer = await client.get(f"/v1/directory/{kind}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            answer = await client.put(f"/v1/directory/{kind}/x", json={})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_id_is_the_same_however_it_is_written(door: AdminDoor) -> None:
    async with door.client(ACME) as client:
        answer = await client.get(f"/v1/directory/use_cases/{USE_CASE.upper()}")
        number = await client.get(f"/v1/directory/numbers/%2B{world.TWILIO[1:]}")
    assert answer.json()["id"] == USE_CASE
    assert number.json()["id"] == world.TWILIO
