"""10. The directory over REST: live in all services, closed to others; keys; whether a number may send."""

import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.e2e.caller import Answer, Api, eventually, problem
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel

pytestmark = pytest.mark.e2e
USE_CASES: Final = "/v1/directory/use_cases"


async def put(api: Api, path: str, **fields: Any) -> Answer:
    """`PUT` an entity."""
    return await api.call("PUT", f"/v1/directory/{path}", json=fields)


async def test_a_use_case_is_made_changed_and_retired_and_each_is_live(
    channel: Channel, person: Callable[..., str]
) -> None:
    api, use_case, to = channel.api, str(uuid.uuid4()), person()
    made = await put(api, f"use_cases/{use_case}", name="Made", numbers=[pools.MOVING[0]])
    assert made.status in {200, 201}, made
    # Live where it is answered, and in all the other services a moment later.
    first = await channel.delivered(await channel.sent(use_case, to, "through what is new"))
    assert first["from_number"] == pools.MOVING[0]
    listed = await api.call("GET", USE_CASES, params={"limit": "1000"})
    assert use_case in {item["id"] for item in listed.body["items"]}
    changed = await api.call("PATCH", f"{USE_CASES}/{use_case}", json={"numbers": [pools.MOVING[1]]})
    assert changed.status == 200, changed
    stale = {"If-Match": made.headers["ETag"]}
    assert (await api.call("PATCH", f"{USE_CASES}/{use_case}", json={}, headers=stale)).status == 412

    async def sender() -> str:
        shown = await channel.delivered(await channel.sent(use_case, to, "through what is changed"))
        return str(shown["from_number"])

    await eventually(sender, lambda number: number == pools.MOVING[1])
    gone = await api.call("DELETE", f"{USE_CASES}/{use_case}")
    assert gone.status in {200, 204}, gone
    problem(await channel.send(use_case, to, "too late"), 404, "use_case_not_found")


async def test_what_is_wrong_names_the_field(channel: Channel) -> None:
    answer = await put(channel.api, f"use_cases/{uuid.uuid4()}", name="Wrong", numbers=["nonsense"], sticky=7)
    assert answer.status == 422, answer
    fields = {error["field"] for error in answer.body["errors"]}
    assert any(field.startswith("numbers") for field in fields), fields
    assert "sticky" in fields


async def test_nobody_sees_or_takes_what_is_anothers(
    channel: Channel, api: Api, person: Callable[..., str]
) -> None:
    """`api` is an admin of acme, the demo's organization."""
    for path in (f"use_cases/{pools.UPDATES}", f"numbers/{pools.CHICAGO}", "brands/clinic"):
        assert (await api.call("GET", f"/v1/directory/{path}")).status == 404
        assert (await api.call("DELETE", f"/v1/directory/{path}")).status == 404
    for kind in ("use_cases", "numbers", "brands", "campaigns", "assistants"):
        listed = (await api.call("GET", f"/v1/directory/{kind}", params={"limit": "1000"})).body["items"]
        assert {item["organization"] for item in listed} <= {"acme"}, kind
    taking = await put(api, f"numbers/{pools.CHICAGO}", account="vonage-main", number_kind="toll_free")
    assert taking.status in {403, 404, 409}, taking
    foreign = await put(api, f"use_cases/{uuid.uuid4()}", name="Foreign", numbers=[pools.CHICAGO])
    assert foreign.status in {403, 409, 422}, foreign
    shown = await channel.delivered(await channel.sent(pools.UPDATES, person("312"), "still ours"))
    assert shown["from_number"] == pools.CHICAGO


async def test_what_is_the_operators_no_tenant_writes_or_reads(channel: Channel) -> None:
    account = await channel.api.call("GET", "/v1/directory/accounts/twilio-main")
    assert account.status == 200, account
    assert not {"credentials", "base_url", "rate"} & set(account.body)
    changes = {"base_url": "http://127.0.0.1:9"}
    answer = await channel.api.call("PATCH", "/v1/directory/accounts/twilio-main", json=changes)
    assert answer.status in {403, 404}, answer
    changes = {"registration": "verified"}
    verified = await channel.api.call("PATCH", "/v1/directory/campaigns/pending", json=changes)
    assert verified.status in {403, 422}, verified
    problem(
        await channel.send(pools.WITH_PENDING_CAMPAIGN, "+16175550123", "?"), 422, "campaign_not_verified"
    )


async def test_a_key_is_shown_once_rotated_and_revoked(channel: Channel, person: Callable[..., str]) -> None:
    api, name = channel.api, f"made-{uuid.uuid4().hex[:8]}"
    made = await api.call("POST", "/v1/keys", json={"id": name, "scopes": ["send"]})
    assert made.status == 201, made
    first = Channel(api.as_(made.body["key"]))
    assert (await first.send(pools.ANYWHERE, person(), "by a new key")).status == 201
    problem(await api.as_(made.body["key"]).call("GET", USE_CASES), 403, "missing_scope")
    assert made.body["key"] not in (await api.call("GET", f"/v1/keys/{name}")).raw.decode()
    rotated = await api.call("POST", f"/v1/keys/{name}/rotate", json={"good_for": 600})
    assert rotated.status in {200, 201}, rotated
    second = Channel(api.as_(rotated.body["key"]))
    for channel_ in (first, second):
        assert (await channel_.send(pools.ANYWHERE, person(), "by both")).status == 201
    assert (await api.call("DELETE", f"/v1/keys/{name}")).status in {200, 204}
    for channel_ in (first, second):
        problem(await channel_.send(pools.ANYWHERE, person(), "by none"), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (pools.SAN_FRANCISCO, None),
        (pools.OFFERING, None),
        (pools.UNREGISTERED, "campaign_not_verified"),
        (pools.DISGRACED, "brand_suspended"),
        (pools.SUSPENDED, "sender_suspended"),
    ],
)
async def test_one_may_ask_whether_a_number_may_send(
    channel: Channel, api: Api, number: str, reason: str | None
) -> None:
    path = f"/v1/sms-compliance/can-send/{number}"
    answer = await channel.api.call("GET", path)
    assert answer.status == 200, answer
    said = answer.body
    assert {"can_send", "reason", "status"} <= set(said)
    assert (said["can_send"], said["reason_code"]) == (reason is None, reason)
    assert (said["reason"] is None) == (reason is None)
    assert (await api.call("GET", path)).status == 404  # another organization's
