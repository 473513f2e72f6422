"""9. `valid_for`: what is not handed over by then fails as expired, and is never sent late."""

import asyncio
from collections.abc import Callable

import pytest

from cli.local.stack import Stack
from tests.e2e import world
from tests.e2e.caller import Api, Phones, accepted, problem

pytestmark = pytest.mark.e2e


async def test_behind_a_slow_number_what_is_late_expires(
    globex: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    """One a second, ten at once, each valid for three seconds: the line is longer than they last."""
    to = handset()
    ids = {
        f"number {n}": accepted(await globex.send(world.EXPIRING, to, f"number {n}", valid_for=3))
        for n in range(10)
    }
    ended = {text: await globex.until(i, "delivered", "failed") for text, i in ids.items()}
    await globex.behind(world.EXPIRING, handset())
    arrived = [text["text"] for text in await phones.texts(to)]
    assert sorted(arrived) == sorted(text for text, told in ended.items() if told["state"] == "delivered")
    assert 1 <= len(arrived) <= 6
    for text, told in ended.items():
        if told["state"] == "failed":
            failure = (await globex.whole(ids[text])).body["failure"]
            assert failure["code"] == "expired"
            assert told["status"] == "failed"
            assert told["error"]


async def test_what_expires_while_nobody_hands_over_is_never_sent(
    stack: Stack, api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str]
) -> None:
    """The dispatcher is away past the end of two messages: of one by itself, of one by its organization."""
    initech = api.as_(world.KEYS["initech"])
    to = handset()
    twilio = stack.keeper("dispatchers-twilio")
    await asyncio.to_thread(twilio.hold_down)
    try:
        own = accepted(await api.send(senders["twilio"], to, "by itself", valid_for=1))
        default = accepted(await initech.send(world.BRIEF, to, "by its organization"))
        longer = accepted(
            await initech.send(world.BRIEF, to, "longer than its organization says", valid_for=600)
        )
        patient = accepted(await api.send(senders["twilio"], to, "for as long as the platform says"))
        await asyncio.sleep(world.BRIEF_SECONDS + 0.5)  # the point of it: both are over when somebody comes
    finally:
        twilio.let_up()
    await asyncio.to_thread(twilio.wait_ready)
    await api.delivered(patient)
    await initech.delivered(longer)
    for caller, message_id in ((api, own), (initech, default)):
        told = await caller.until(message_id, "failed")
        assert told["status"] == "failed"
        assert (await caller.whole(message_id)).body["failure"]["code"] == "expired"
    await api.behind(senders["twilio"], handset())
    await initech.behind(world.BRIEF, handset())
    assert {text["text"] for text in await phones.texts(to)} == {
        "longer than its organization says",
        "for as long as the platform says",
    }


async def test_a_key_and_another_validity_is_other_content(api: Api, handset: Callable[[], str]) -> None:
    to = handset()
    first = await api.send(world.EXAMPLE, to, "x", valid_for=60, idempotency_key=f"valid {to}")
    again = await api.send(world.EXAMPLE, to, "x", valid_for=60, idempotency_key=f"valid {to}")
    other = await api.send(world.EXAMPLE, to, "x", valid_for=61, idempotency_key=f"valid {to}")
    assert again.raw == first.raw
    assert other.status == 422
    await api.delivered(accepted(first))


async def test_an_immediate_one_that_expires_is_told_as_failed(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    """The provider has too much to do for longer than the message lasts."""
    to = handset()
    async with phones.fault({"to": to}, "throttle", retry_after_seconds=1):
        answer = await api.send(world.EXAMPLE, to, "too late", queue=False, valid_for=2)
    told = problem(answer, 500, "send_failed", "Failed to send SMS via telnyx")
    assert told["failure_code"] == "expired"
    whole = (await api.whole(told["message_id"])).body
    assert whole["failure"]["code"] == "expired"
    assert {attempt["outcome"] for attempt in whole["attempts"]} == {"throttled"}
    await api.behind(world.EXAMPLE, handset())
    assert await phones.texts(to) == []
