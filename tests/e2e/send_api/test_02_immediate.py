"""2. `queue: false`: the caller gets the provider's outcome, or is told how far it had got."""

import asyncio
import uuid
from collections.abc import Callable

import pytest

from tests.e2e import world
from tests.e2e.caller import Answer, Api, Phones, accepted, problem

pytestmark = pytest.mark.e2e
PROVIDERS = ("twilio", "telnyx", "vonage")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_it_is_answered_with_the_providers_yes(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str], provider: str
) -> None:
    to = handset()
    answer = await api.send(senders[provider], to, "Now, please", queue=False)
    body = answer.body
    message_id = accepted(answer)
    # The provider has it when we are told so, not some time after.
    (text,) = await phones.texts(to)
    assert (text["text"], text["provider"]) == ("Now, please", provider)
    assert body == {
        "success": True,
        "message_id": message_id,
        "message": f"SMS sent successfully via {provider}",
        "provider": provider,
        "status": "sent",
        "num_segments": 1,
    }
    assert list(body)[:5] == ["success", "message_id", "message", "provider", "status"]
    told = await api.delivered(message_id)
    assert told["provider_message_id"] == text["provider_message_id"]


@pytest.mark.parametrize(("provider", "code"), [("twilio", "21610"), ("telnyx", "40300"), ("vonage", "1120")])
async def test_it_is_answered_with_the_providers_no(
    api: Api,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
    *,
    provider: str,
    code: str,
) -> None:
    to, key = handset(), uuid.uuid4().hex
    async with phones.fault({"to": to}, "reject", code=code):
        answer = await api.send(senders[provider], to, "No", queue=False, idempotency_key=key)
    told = problem(answer, 500, "send_failed", f"Failed to send SMS via {provider}")
    assert told["success"] is False
    assert told["provider"] == provider
    assert (told["status"], told["state"]) == ("failed", "failed")
    assert told["failure_code"]
    assert told["reason"]
    status = await api.until(told["message_id"], "failed")
    assert status["error"]
    # The fault is gone: what failed has failed, and its key says so again, byte for byte.
    again = await api.send(senders[provider], to, "No", queue=False, idempotency_key=key)
    assert (again.status, again.raw, again.replayed) == (500, answer.raw, True)
    await api.behind(senders[provider], handset())
    assert await phones.texts(to) == []


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_past_the_bound_it_is_told_how_far_it_got_and_goes_on(
    api: Api,
    impatient: str,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
    *,
    provider: str,
) -> None:
    to, key = handset(), uuid.uuid4().hex
    async with phones.fault({"to": to}, "slow", ms=8_000, accepted="after"):
        answer = await api.at(impatient).send(
            senders[provider], to, "Slowly", queue=False, idempotency_key=key
        )
        message_id = accepted(answer)
        body = answer.body
        assert (body["status"], body["provider"]) == ("queued", provider)
        assert body["message"] == (
            f"SMS queued via {provider}; handed to {provider}, whose answer is not known yet"
        )
        assert body["state"] == "sending"
        assert await phones.texts(to) == []
        await api.delivered(message_id)
    again = await api.at(impatient).send(senders[provider], to, "Slowly", queue=False, idempotency_key=key)
    assert (again.status, again.raw, again.replayed) == (200, answer.raw, True)
    await api.behind(senders[provider], handset())
    assert len(await phones.texts(to)) == 1


async def test_a_repeat_gets_the_same_bytes(api: Api, phones: Phones, handset: Callable[[], str]) -> None:
    to, key = handset(), uuid.uuid4().hex
    answers = [await api.send(world.EXAMPLE, to, "Once", queue=False, idempotency_key=key) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.raw for answer in answers}) == 1
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert answers[0].body["status"] == "sent"
    await api.behind(world.EXAMPLE, handset())
    assert len(await phones.texts(to)) == 1


async def test_while_the_first_is_in_flight_its_key_is_409(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to, key = handset(), uuid.uuid4().hex

    async def send(text: str = "Once") -> Answer:
        return await api.send(world.EXAMPLE, to, text, queue=False, idempotency_key=key)

    async with phones.fault({"to": to}, "slow", ms=3_000, accepted="before"):
        first = asyncio.create_task(send())
        await phones.until(to, 1)  # the provider has it, and has not answered
        problem(await send(), 409, "in_flight")
        assert (await send("other content")).status in {409, 422}
        answer = await first
    assert answer.body["status"] == "sent"
    again = await send()
    assert (again.status, again.raw, again.replayed) == (200, answer.raw, True)
    problem(await send("other content"), 422, "conflict")
    await api.behind(world.EXAMPLE, handset())
    assert len(await phones.texts(to)) == 1


async def test_it_overtakes_what_is_queued(globex: Api, phones: Phones, handset: Callable[[], str]) -> None:
    """The number sends one a second: who comes last and is in a hurry goes before those who wait.

    The line is a minute long, and the answer tells the outcome only within ten seconds: at its end it could
    not be told, and however the machine stalls in these ten seconds there are some left to be overtaken.
    """
    to = handset()
    sends = [globex.send(world.SLOW, to, f"queued {n}") for n in range(60)]
    queued = [accepted(answer) for answer in await asyncio.gather(*sends)]
    await phones.until(to, 1)
    answer = await globex.send(world.SLOW, to, "in a hurry", queue=False)
    cancels = await asyncio.gather(*map(globex.cancel, queued))
    assert accepted(answer)
    assert answer.body["status"] == "sent"
    overtaken = [one.body["message_id"] for one in cancels if one.body["success"]]
    assert overtaken, "those who had waited longer were all sent before it, or with it"
    for message_id in queued:
        await globex.until(message_id, "cancelled" if message_id in overtaken else "delivered")
    texts = [text["text"] for text in await phones.texts(to)]
    assert len(texts) == len(queued) - len(overtaken) + 1
    assert texts.count("in a hurry") == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"to": "0199"}, 400, "invalid_recipient"),
        ({"text": ""}, 400, "empty_message"),
        ({"sender": "+19995550000"}, 404, "sender_not_found"),
        ({"sender": world.FOREIGN}, 403, "wrong_organization"),
        ({"media_urls": ["http://127.0.0.1/a.jpg"]}, 400, "private_media_url"),
    ],
)
async def test_it_passes_the_same_checks(api: Api, changes: dict[str, str], status: int, code: str) -> None:
    fields = {"sender": world.EXAMPLE, "to": "+12025550100", "text": "x", **changes}
    problem(await api.send(**fields, queue=False), status, code)


async def test_it_passes_the_same_records(api: Api, handset: Callable[[], str]) -> None:
    answer = await api.send(world.EXAMPLE, handset(), "For the record", queue=False, reference="a reference")
    message_id = accepted(answer)
    await api.delivered(message_id)
    whole = (await api.whole(message_id)).body
    assert [step["status"] for step in whole["history"]] == ["queued", "sent", "delivered"]
    assert whole["reference"] == "a reference"
    assert [attempt["outcome"] for attempt in whole["attempts"]] == ["accepted"]


async def test_a_throttled_one_is_tried_again_within_the_bound(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to = handset()
    async with phones.fault({"to": to}, "throttle", times=1, retry_after_seconds=1):
        answer = await api.send(world.EXAMPLE, to, "Twice", queue=False)
    assert answer.body["status"] == "sent"
    await api.delivered(accepted(answer))
    assert len(await phones.texts(to)) == 1
