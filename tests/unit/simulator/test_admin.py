"""What tests ask of the simulator: handsets, faults, counts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.simulator.harness import HANDSET, NUMBER, Sender, Simulator


async def test_livez(simulator: Simulator) -> None:
    assert (await simulator.get("/livez")).status == 200


async def test_the_handset_log_has_one_form_for_all(sender: Sender) -> None:
    for provider in ("vonage", "twilio", "telnyx"):
        await sender.over(provider)
    texts = (await (await sender.simulator.get("/handsets")).json())["texts"]
    assert [text["provider"] for text in texts] == ["vonage", "twilio", "telnyx"]
    for text in texts:
        assert set(text) == {
            "at",
            "from",
            "to",
            "text",
            "media",
            "provider",
            "provider_message_id",
        }
        assert (text["to"], text["from"], text["text"], text["media"]) == (
            HANDSET,
            NUMBER,
            "hello",
            [],
        )
        assert datetime.fromisoformat(text["at"]).tzinfo == UTC
    assert await sender.texts(HANDSET.removeprefix("+")) == texts
    assert await sender.texts(HANDSET.replace("+", "%2B")) == texts
    assert await sender.texts("+14155550000") == []


async def test_since_leaves_out_the_older(sender: Sender) -> None:
    await sender.telnyx()
    (text,) = await sender.texts()
    for since, number in ((text["at"], 1), ("2020-01-01", 1), ("2999-01-01T00:00:00Z", 0)):
        answer = await sender.simulator.get("/handsets", params={"since": since})
        assert len((await answer.json())["texts"]) == number, since
    assert (await sender.simulator.get("/handsets?since=yesterday")).status == 422


async def test_faults_are_kept_shown_and_forgotten(sender: Sender) -> None:
    rule = await sender.fault({"kind": "throttle"}, match={"from": NUMBER}, times=3)
    assert rule["match"]["from"] == NUMBER
    await sender.twilio()
    (shown,) = (await (await sender.simulator.get("/faults")).json())["faults"]
    assert (shown["id"], shown["seen"], shown["applied"], shown["left"]) == (rule["id"], 1, 1, 2)
    assert (await sender.simulator.delete(f"/faults/{rule['id']}")).status == 204
    assert (await sender.simulator.delete(f"/faults/{rule['id']}")).status == 404
    answer = await sender.simulator.put("/faults", json=[{"fault": {"kind": "refuse"}}] * 2)
    assert len((await answer.json())["faults"]) == 2
    assert (await sender.simulator.delete("/faults")).status == 204
    assert (await (await sender.simulator.get("/faults")).json())["faults"] == []


@pytest.mark.parametrize(
    ("body", "at", "allowed"),
    [
        ({"fault": {"kind": "explode"}}, "fault", "'server_error'"),
        ({"fault": {"kind": "garbled", "body": "xml"}}, "fault.garbled.body", "'html'"),
        ({"fault": {"kind": "refuse"}, "match": {"provider": "acme"}}, "match", "'telnyx'"),
        ({"fault": {"kind": "refuse"}, "often": True}, "often", "not permitted"),
        ({}, "fault", "required"),
    ],
)
async def test_a_wrong_fault_is_told_what_is_allowed(
    simulator: Simulator, body: dict[str, Any], at: str, allowed: str
) -> None:
    answer = await simulator.post("/faults", json=body)
    assert answer.status == 422
    (mistake,) = (await answer.json())["detail"]
    assert mistake["at"].startswith(at)
    assert allowed in mistake["message"]


async def test_one_wrong_rule_leaves_the_list_as_it_was(sender: Sender) -> None:
    await sender.fault({"kind": "refuse"})
    rules = [{"fault": {"kind": "hang"}}, {"fault": {"kind": "explode"}}]
    assert (await sender.simulator.put("/faults", json=rules)).status == 422
    assert (await sender.simulator.put("/faults", data=b"{")).status == 422
    (shown,) = (await (await sender.simulator.get("/faults")).json())["faults"]
    assert shown["fault"] == {"kind": "refuse"}


async def test_every_post_is_counted(sender: Sender) -> None:
    await sender.fault({"kind": "throttle"}, match={"provider": "twilio"}, times=1)
    await sender.twilio()
    await sender.twilio()
    await sender.telnyx(key="nonce-1")
    await sender.telnyx(key="nonce-1")
    await sender.vonage(token="nonsense")
    stats = await (await sender.simulator.get("/stats")).json()
    assert stats["posts"] == {
        "twilio": {"tw-1": {"total": 2, "refused": 1, "accepted": 1}},
        "telnyx": {"tx-1": {"total": 2, "accepted": 1, "replayed": 1}},
        "vonage": {"unknown": {"total": 1, "refused": 1}},
    }
    assert stats["texts"] == 2
    answer = await sender.simulator.get("/requests", params={"provider": "telnyx", "to": HANDSET})
    posts = (await answer.json())["requests"]
    assert [(post["outcome"], post["status"]) for post in posts] == [
        ("accepted", 200),
        ("replayed", 200),
    ]
    assert posts[0]["idempotency_key"] == "nonce-1"
    assert posts[0]["provider_message_id"] == posts[1]["provider_message_id"]
    assert (await sender.simulator.get("/requests?number=1")).status == 422
