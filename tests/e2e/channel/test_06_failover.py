"""6. Another number of the pool takes over where the provider will not take the first, and only there."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tests.e2e.caller import Phones
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel

pytestmark = pytest.mark.e2e


async def of_sub_account(channel: Channel, person: Callable[..., str], many: int) -> Sequence[str]:
    """People whose number in the pool is the sub-account's."""
    found: list[str] = []
    while len(found) < many:
        to = person()
        if (await channel.until_permitted(pools.RESILIENT, to))["from_number"] == pools.OF_SUB_ACCOUNT:
            found.append(to)
    return found


async def test_a_refused_sender_is_replaced(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    """Twilio 21606: this number cannot send messages."""
    people = await of_sub_account(channel, person, 5)
    async with phones.fault({"account": pools.SUB_ACCOUNT}, "reject", code="21606"):
        ids = await asyncio.gather(*(channel.sent(pools.RESILIENT, to, "taken over") for to in people))
        shown = await asyncio.gather(*(channel.delivered(message_id) for message_id in ids))
    assert {one["from_number"] for one in shown} == {pools.TAKING_OVER}
    for to in people:
        (text,) = await phones.texts(to)
        assert text["from"] == pools.TAKING_OVER
    attempts = (await channel.record(ids[0]))["attempts"]
    assert [attempt["sender"] for attempt in attempts] == [pools.OF_SUB_ACCOUNT, pools.TAKING_OVER]


async def test_an_account_that_throttles_is_left_after_three_tries(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    (to,) = await of_sub_account(channel, person, 1)
    async with phones.fault({"account": pools.SUB_ACCOUNT, "to": to}, "throttle", retry_after_seconds=1):
        shown = await channel.delivered(await channel.sent(pools.RESILIENT, to, "throttled away"))
    assert shown["from_number"] == pools.TAKING_OVER
    asked = [request["account"] for request in await phones.requests(to)]
    assert asked == [pools.SUB_ACCOUNT] * 3 + ["telnyx-main"]


async def test_with_nobody_left_it_fails_with_the_providers_code(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    async with phones.fault({"to": to, "provider": "twilio"}, "reject", code="21606"):
        shown = await channel.until(await channel.sent(pools.THROUGH["twilio"], to, "alone"), "failed")
    assert isinstance(shown["error_code"], int)
    # With no other sender it is tried once more, by whoever has the claim then, and that refusal ends it.
    asked = [request["from"] for request in await phones.requests(to)]
    assert asked == [pools.ASKING["twilio"]] * 2
    assert "21606" in str(await channel.record(shown["id"]))


@pytest.mark.parametrize(
    ("kind", "more", "states"),
    [
        ("reject", {"code": "21211"}, ("failed",)),  # the recipient's fault
        ("reject", {"code": "30007"}, ("failed",)),  # the text's: filtered
        ("drop", {"accepted": True}, ("delivered", "unknown", "sent")),  # nobody knows
    ],
)
async def test_nothing_else_is_a_reason(
    channel: Channel, phones: Phones, person: Callable[..., str],
    *, kind: str, more: dict[str, object], states: tuple[str, ...],
) -> None:  # fmt: skip
    (to,) = await of_sub_account(channel, person, 1)
    async with phones.fault({"account": pools.SUB_ACCOUNT, "to": to}, kind, **more):
        message_id = await channel.sent(pools.RESILIENT, to, "only here")
        await channel.until(message_id, *states)
    assert {request["account"] for request in await phones.requests(to)} == {pools.SUB_ACCOUNT}
    assert len(await phones.texts(to)) == (1 if kind == "drop" else 0)
