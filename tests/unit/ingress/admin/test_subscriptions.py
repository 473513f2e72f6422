"""Subscriptions over REST: written by their owners, with secrets that are shown, replaced, and never kept."""

import base64
import time
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from schemas import signing, topics
from schemas.directory import Active, EventType, Subscription
from schemas.notifications import Notification, decode
from tests.fakes.admin import GLOBEX, OPERATOR, ROOTS, SENDER, AdminDoor

PATH = "/v1/directory/subscriptions/orders"
SHOWN, ROTATE, TEST = (f"/v1/subscriptions/orders/{what}" for what in ("secret", "rotate", "test"))
BODY = {"url": "https://hooks.acme.example/sms", "events": ["message.delivered"]}
DAY = 86_400


@pytest.fixture
async def door() -> AdminDoor:
    made = AdminDoor()
    async with made.client() as client:
        assert (await client.put(PATH, json=BODY)).status_code == 201
    return made


def held(door: AdminDoor) -> Subscription:
    (found,) = door.directory.subscriptions("acme")
    return found


async def switched_off(door: AdminDoor) -> None:
    entity = held(door).model_copy(update={"status": Active.SUSPENDED, "switched_off_at": 7})
    entry = door.directory.entries["subscription", "orders"]
    assert door.take(entry.model_copy(update={"version": entry.version + 1, "entity": entity}))


async def test_it_is_its_owners_to_write_and_the_operators(door: AdminDoor) -> None:
    async with door.client(GLOBEX) as other, door.client(OPERATOR) as operator, door.client() as owner:
        for path, method in (
            (PATH, "GET"),
            (SHOWN, "GET"),
            (ROTATE, "POST"),
            (TEST, "POST"),
            (PATH, "DELETE"),
        ):
            answer = await other.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "entity_not_found"), path
        assert (await other.put(PATH, json=BODY)).json()["code"] == "id_taken"
        listed = await other.get("/v1/directory/subscriptions")
        assert listed.json()["items"] == []
        assert (await operator.patch(PATH, json={"events": None})).json()["events"] is None
        secrets = [(await one.get(SHOWN)).json()["secret"] for one in (operator, owner)]
        assert secrets[0] == secrets[1]
        theirs = await operator.put(
            "/v1/directory/subscriptions/theirs", json=BODY, params={"organization": "globex"}
        )
        assert theirs.json()["organization"] == "globex"
        assert (await owner.delete(PATH)).json()["deleted"] is True
    async with door.client(SENDER) as client:
        assert (await client.get(SHOWN)).json()["code"] == "missing_scope"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://hooks.acme.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "ftp://hooks.acme.example/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["message.lost"]}, "events.0"),
        ({"events": ["message.sent", "message.sent"]}, "events"),
        ({"secret_version": 2}, "secret_version"),
        ({"former_secrets": [{"version": 1, "until": 5}]}, "former_secrets"),
        ({"switched_off_at": 5}, "switched_off_at"),
    ],
)
async def test_what_is_wrong_names_the_field(door: AdminDoor, fields: dict[str, Any], field: str) -> None:
    async with door.client() as client:
        answers = [await client.put(PATH, json={**BODY, **fields}), await client.patch(PATH, json=fields)]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_entity")
        assert answer.json()["errors"][0]["field"] == field
    assert len(door.written) == 1


@pytest.mark.parametrize(
    "url", ["ftp://hooks.acme.example/", "hooks.acme.example", "", "https://a b/", "https://" + 2048 * "a", 7]
)
async def test_what_a_url_must_be_is_said_in_our_words(door: AdminDoor, url: object) -> None:
    async with door.client() as client:
        answer = await client.put(PATH, json={**BODY, "url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_entity")
    assert answer.json()["detail"] == (
        "Field url: it must be a URL such as https://hooks.example.com/texts, without white space and of at "
        "most 2048 characters"
    )


async def test_the_secret_is_nowhere_but_in_its_answer_and_verifies_what_is_signed(door: AdminDoor) -> None:
    async with door.client() as client:
        answer = await client.get(SHOWN)
        read = await client.get(PATH)
    secret = answer.json()["secret"]
    assert answer.json() == {
        "id": "orders", "organization": "acme", "secret": secret, "former_until": [], "version": 1,
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret not in read.text
    verified(door, secret)


def verified(door: AdminDoor, *secrets: str) -> None:
    """Each of `secrets` verifies what is signed now."""
    # The library refuses what was not signed in these minutes.
    told, body, at = "b6a7", b'{"type":"x"}', int(time.time())
    live = signing.secrets_of(held(door), ROOTS, door.now)
    signatures = " ".join(signing.sign(one, told, at, body) for one in live)
    headers = {"webhook-id": told, "webhook-timestamp": str(at), "webhook-signature": signatures}
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == {"type": "x"}


async def test_a_new_secret_signs_beside_the_former_one_for_a_while(door: AdminDoor) -> None:
    async with door.client() as client:
        first = (await client.get(SHOWN)).json()["secret"]
        rotated = await client.post(ROTATE)
        second = rotated.json()["secret"]
        assert rotated.json() == (await client.get(SHOWN)).json()
    assert first != second
    assert rotated.json()["former_until"] == ["2023-11-15T22:13:20.000Z"], "a day from now"
    verified(door, first, second)
    door.now += DAY * 1000
    verified(door, second)
    with pytest.raises(WebhookVerificationError):
        verified(door, first)


async def test_a_secret_that_has_leaked_ends_at_once_with_all_before_it(door: AdminDoor) -> None:
    async with door.client() as client:
        await client.post(ROTATE, json={"keep_seconds": 30 * DAY})
        await client.post(ROTATE, json={"keep_seconds": 0})
        assert (await client.get(SHOWN)).json()["former_until"] == []
    assert held(door).secret_version == 3
    assert len(signing.secrets_of(held(door), ROOTS, door.now)) == len(ROOTS)


async def test_no_former_secret_ends_before_its_time_unasked(door: AdminDoor) -> None:
    async with door.client() as client:
        for _ in range(4):
            assert (await client.post(ROTATE, json={"keep_seconds": DAY})).status_code == 200
            door.now += 60_000
        before = held(door)
        refused = await client.post(ROTATE, json={"keep_seconds": 7 * DAY})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_secrets")
        assert "from 2023-11-15T22:13:20.000Z on" in refused.json()["detail"], "when the oldest ends"
        assert held(door) == before
        door.now += (DAY - 240) * 1000
        assert (await client.post(ROTATE, json={"keep_seconds": DAY})).status_code == 200
        assert [former.version for former in held(door).former_secrets] == [5, 4, 3, 2]


async def test_a_leak_is_no_matter_of_room(door: AdminDoor) -> None:
    async with door.client() as client:
        for _ in range(4):
            await client.post(ROTATE)
        assert (await client.post(ROTATE, json={"keep_seconds": 0})).status_code == 200
    assert held(door).former_secrets == ()


@pytest.mark.parametrize("body", [{"keep_seconds": -1}, {"keep_seconds": 31 * DAY}, {"keep": 1}])
async def test_a_rotation_that_is_refused(door: AdminDoor, body: dict[str, int]) -> None:
    async with door.client() as client:
        assert (await client.post(ROTATE, json=body)).json()["code"] == "invalid_entity"
        stale = await client.post(ROTATE, headers={"If-Match": '"7"'})
    assert stale.json()["code"] == "version_mismatch"
    assert held(door).secret_version == 1


async def test_an_answer_may_be_put_back_and_secrets_stay(door: AdminDoor) -> None:
    async with door.client() as client:
        await client.post(ROTATE)
        read = (await client.get(PATH)).json()
        assert (await client.put(PATH, json={**read, "events": ["message.sent"]})).status_code == 200
        assert (await client.put(PATH, json=BODY)).json()["secret_version"] == 2
        assert (await client.patch(PATH, json={"secret_version": None})).json()["secret_version"] == 2
    assert len(held(door).former_secrets) == 1


async def test_what_was_switched_off_is_switched_on_by_saying_so(door: AdminDoor) -> None:
    async with door.client() as client:
        await switched_off(door)
        read = (await client.get(PATH)).json()
        assert (read["status"], read["switched_off_at"]) == ("suspended", 7)
        assert (await client.put(PATH, json=BODY)).json()["switched_off_at"] == 7
        on = await client.patch(PATH, json={"status": "active"})
        assert (on.json()["status"], on.json()["switched_off_at"]) == ("active", None)
        await switched_off(door)
        again = await client.put(PATH, json={**read, "status": "active", "version": on.json()["version"] + 1})
        assert (again.json()["status"], again.json()["switched_off_at"]) == ("active", None)


async def test_a_trial_is_told_to_this_subscription_alone(door: AdminDoor) -> None:
    async with door.client() as client:
        answers = [(await client.post(TEST)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["webhook_id"] for answer in answers}) == 2
    topic, key, value = door.told[0]
    told = decode(value)
    assert isinstance(told, Notification)
    assert (topic, key, told.subscription) == (topics.NOTIFICATIONS, "orders", "orders")
    assert told.event.type is EventType.TEST
    assert answers[0].json() == {
        "webhook_id": told.id, "url": BODY["url"],
        "event": told.event.model_dump(mode="json", exclude_none=True),
    }  # fmt: skip


async def test_a_trial_that_cannot_be(door: AdminDoor) -> None:
    async with door.client() as client:
        door.away = True
        answer = await client.post(TEST)
        assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
        door.away = False
        await client.patch(PATH, json={"status": "suspended"})
        answer = await client.post(TEST)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "status")
    assert door.told == []
