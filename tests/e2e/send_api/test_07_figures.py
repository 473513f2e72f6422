"""7. `GET /sms/queue/stats` counts truly, and `GET /sms/{message_id}` tells the whole record."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cli.local.stack import Stack
from tests.e2e import world
from tests.e2e.caller import DEADLINE, Api, Phones, accepted, eventually, problem

pytestmark = pytest.mark.e2e
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
PROVIDERS = ["twilio", "telnyx", "vonage"]


async def figures(api: Api) -> dict[str, tuple[int, int, int]]:
    """Pending, active, failed of each provider."""
    answer = await api.call("GET", "/sms/queue/stats")
    assert answer.status == 200, answer
    body = answer.body
    assert set(body) == {"timestamp", "queues"}
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert set(body["queues"]) == set(PROVIDERS)
    for queue in body["queues"].values():
        assert set(queue) == {"pending", "active", "failed", "oldest_pending_seconds"}
        assert (queue["oldest_pending_seconds"] is None) == (queue["pending"] == 0)
    return {p: (q["pending"], q["active"], q["failed"]) for p, q in body["queues"].items()}


async def until(api: Api, wanted: dict[str, tuple[int, int, int]]) -> None:
    """Wait until the figures are these."""
    await eventually(lambda: figures(api), lambda found: found == wanted)


async def idle(api: Api) -> dict[str, int]:
    """Wait until nothing of earlier tests is under way; how many have failed so far."""
    found = await eventually(
        lambda: figures(api), lambda found: all((p, a) == (0, 0) for p, a, _ in found.values())
    )
    return {provider: failed for provider, (_, _, failed) in found.items()}


async def test_the_figures_are_what_we_know(
    stack: Stack, globex: Api, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    """Three wait at Vonage, two are in Telnyx's hands, Twilio has refused four and taken one."""
    before = await idle(globex)
    slow, refused = handset(), handset()
    vonage = stack.keeper("dispatchers-vonage")
    await asyncio.to_thread(vonage.hold_down)
    try:
        async with (
            phones.fault({"to": slow}, "hang", max_seconds=DEADLINE),
            phones.fault({"to": refused}, "reject", code="21610"),
        ):
            for n in range(4):
                await globex.send(world.GLOBEX["twilio"], refused, f"refused {n}")
            good = accepted(await globex.send(world.GLOBEX["twilio"], handset(), "taken"))
            held = [accepted(await globex.send(world.GLOBEX["vonage"], handset(), f"{n}")) for n in range(3)]
            for n in range(2):
                await globex.send(world.GLOBEX["telnyx"], slow, f"in the air {n}")
            await globex.delivered(good)
            known = {
                "twilio": (0, 0, before["twilio"] + 4),
                "telnyx": (0, 2, before["telnyx"]),
                "vonage": (3, 0, before["vonage"]),
            }
            await until(globex, known)
            await _grows(globex)
            # One provider's figures, and none of another organization's.
            answer = await globex.call("GET", "/sms/queue/stats?provider=telnyx")
            assert list(answer.body["queues"]) == ["telnyx"]
            assert answer.body["queues"]["telnyx"]["active"] == 2
            ours = await figures(api)
            assert (ours["vonage"][0], ours["telnyx"][1]) == (0, 0)
            # What is cancelled waits no more, and has not failed.
            assert (await globex.cancel(held[0])).body["success"] is True
            await until(globex, known | {"vonage": (2, 0, before["vonage"])})
    finally:
        vonage.let_up()
    await asyncio.to_thread(vonage.wait_ready)
    for message_id in held[1:]:
        await globex.delivered(message_id)
    assert await idle(globex) == before | {"twilio": before["twilio"] + 4}


async def _grows(api: Api) -> None:
    """The age of the oldest is an age: it grows as time does."""
    first = (await api.queue("vonage"))["oldest_pending_seconds"]
    assert 0 <= first < DEADLINE
    await eventually(lambda: api.queue("vonage"), lambda queue: queue["oldest_pending_seconds"] >= first + 1)


async def test_an_unknown_provider_is_400(api: Api) -> None:
    problem(await api.call("GET", "/sms/queue/stats?provider=pigeon"), 400, "invalid_field")


FIELDS = {
    "message_id", "status", "state", "use_case_id", "from_phone_number", "to_phone_number", "message",
    "media_urls", "num_segments", "reference", "provider", "account", "sender", "provider_message_id",
    "error", "failure", "accepted_at", "updated_at", "history", "attempts", "reason", "conflicts_with",
    "send_at", "redacted",
}  # fmt: skip


async def test_the_whole_record_of_a_message_that_was_throttled_first(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str]
) -> None:
    to = handset()
    async with phones.fault({"to": to}, "throttle", times=1, retry_after_seconds=1):
        sent = await api.send(senders["telnyx"], to, "é" * 200, reference="my own number")
        message_id = accepted(sent)
        await api.delivered(message_id)
    (text,) = await phones.texts(to)
    answer = await api.whole(message_id)
    assert answer.status == 200
    whole: dict[str, Any] = answer.body
    assert set(whole) == FIELDS
    assert {name: whole[name] for name in FIELDS - {"reason", "account", "updated_at", "accepted_at"}} | {
        "history": None, "attempts": None,
    } == {
        "message_id": message_id, "status": "sent", "state": "delivered",
        "from_phone_number": senders["telnyx"], "to_phone_number": to, "message": "é" * 200,
        "media_urls": [], "num_segments": 2, "reference": "my own number", "provider": "telnyx",
        "sender": senders["telnyx"], "provider_message_id": text["provider_message_id"],
        "use_case_id": None, "send_at": None, "redacted": False,
        "error": None, "failure": None, "history": None, "attempts": None, "conflicts_with": None,
    }  # fmt: skip
    assert whole["account"] == "telnyx-main"
    assert whole["reason"]
    steps = whole["history"]
    assert [step["status"] for step in steps] == ["queued", "sent", "delivered"]
    times = [whole["accepted_at"], *(step["at"] for step in steps), whole["updated_at"]]
    assert all(TIME.fullmatch(moment) for moment in times)
    assert times == sorted(times)
    first, last = whole["attempts"]
    assert (first["number"], first["outcome"], first["provider_message_id"]) == (1, "throttled", None)
    assert (last["number"], last["outcome"]) == (2, "accepted")
    assert last["provider_message_id"] == text["provider_message_id"]
    for attempt in (first, last):
        assert (attempt["provider"], attempt["sender"]) == ("telnyx", senders["telnyx"])
        assert TIME.fullmatch(attempt["at"])
    assert first["at"] <= last["at"]


async def test_the_whole_record_of_a_message_that_was_refused(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str]
) -> None:
    to = handset()
    async with phones.fault({"to": to}, "reject", code="21610"):
        message_id = accepted(await api.send(senders["twilio"], to, "refused"))
        await api.until(message_id, "failed")
    whole = (await api.whole(message_id)).body
    assert set(whole) == FIELDS
    assert (whole["status"], whole["state"]) == ("failed", "failed")
    assert whole["error"]
    assert set(whole["failure"]) == {"code", "detail", "provider_code", "fault"}
    assert (whole["failure"]["code"], whole["failure"]["provider_code"]) == ("rejected", "21610")
    assert whole["failure"]["fault"] == "opted_out"
    (attempt,) = whole["attempts"]
    assert (attempt["outcome"], attempt["provider_code"]) == ("rejected", "21610")


async def test_the_whole_record_is_there_straight_after_the_answer(
    api: Api, handset: Callable[[], str]
) -> None:
    to = handset()
    message_id = accepted(await api.send(world.EXAMPLE, to, "just now"))
    whole = (await api.whole(message_id)).body
    assert set(whole) == FIELDS
    assert (whole["message_id"], whole["to_phone_number"], whole["message"]) == (message_id, to, "just now")
    assert whole["status"] in {"queued", "sending", "sent"}
    assert whole["history"][0]["status"] == "queued"
    await api.delivered(message_id)
