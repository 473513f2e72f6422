"""4. STOP, START and HELP: who hears no more from whom, also while messages wait.

`HELIO_TEST_CHANNEL=5000` makes a thousand of them wait for one STOP; by default there are fewer.
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.caller import Phones, problem
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel

pytestmark = pytest.mark.e2e
WAITING = 1_000 if int(os.environ.get("HELIO_TEST_CHANNEL", "300")) >= 5_000 else 100
#: How long these wait for their moment: the STOP comes meanwhile.
AHEAD_SECONDS = 12


async def write(phones: Phones, handset: str, to: str, text: str) -> None:
    """A handset writes to one of our numbers."""
    answer = await phones.text_us(handset, to=to, text=text)
    assert answer.status == 202, answer


@pytest.mark.parametrize("word", ["STOP", "stop.", "Unsubscribe", "QUIT", "cancel", "END", "Revoke"])
@pytest.mark.parametrize("provider", sorted(pools.ASKING))
async def test_a_word_opts_out_and_start_takes_it_back(
    channel: Channel, phones: Phones, person: Callable[..., str], provider: str, word: str
) -> None:
    to, ours = person(), pools.ASKING[provider]
    await write(phones, to, ours, word)
    await channel.until_refused(pools.THROUGH[provider], "opted_out", to=to)
    problem(await channel.send(pools.THROUGH[provider], to, "not to be sent"), 422, "opted_out")
    # Another use case's pool does not have the number.
    assert (await channel.send(pools.UPDATES, to, "?", dry_run=True)).status == 200
    await write(phones, to, ours, "START")
    await channel.until_permitted(pools.THROUGH[provider], to)
    await channel.delivered(await channel.sent(pools.THROUGH[provider], to, "welcome back"))


async def test_a_sentence_with_the_word_is_no_stop(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to, other = person(), person()
    await write(phones, to, pools.ASKING["telnyx"], "Please stop by tomorrow")
    await write(phones, other, pools.ASKING["telnyx"], "STOP")
    await channel.until_refused(pools.THROUGH["telnyx"], "opted_out", to=other)
    await channel.delivered(await channel.sent(pools.THROUGH["telnyx"], to, "See you tomorrow"))


async def test_stop_all_is_about_the_whole_organization(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    await write(phones, to, pools.ASKING["vonage"], "STOPALL")
    for use_case in (pools.THROUGH["vonage"], pools.UPDATES, pools.SLOWLY):
        await channel.until_refused(use_case, "opted_out", to=to)


async def test_our_own_answers_go_out_where_the_provider_gives_none(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    for word, use_case, code in (
        ("STOP", pools.OFFERS, "opted_out"),
        ("HELP", None, ""),
        ("START", None, ""),
    ):
        await write(phones, to, pools.OFFERING, word)
        if use_case is not None:
            await channel.until_refused(use_case, code, to=to)
    replies = [pools.STOP_REPLY, pools.HELP_REPLY, pools.START_REPLY]
    texts = await phones.until(to, len(replies))
    assert sorted(text["text"] for text in texts) == sorted(replies)
    assert {text["from"] for text in texts} == {pools.OFFERING}
    # Twilio answers by itself: two answers to one STOP would be one too many.
    other = person()
    await write(phones, other, pools.ASKING["twilio"], "STOP")
    await channel.until_refused(pools.THROUGH["twilio"], "opted_out", to=other)
    await write(phones, other, pools.ASKING["twilio"], "START")
    await channel.until_permitted(pools.THROUGH["twilio"], other)
    await channel.delivered(await channel.sent(pools.THROUGH["twilio"], other, "the only one"))
    assert [text["text"] for text in await phones.texts(other)] == ["the only one"]


async def test_a_stop_stops_all_that_wait(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to, moment = person(), datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS)
    limit = asyncio.Semaphore(32)

    async def one(number: int) -> str:
        async with limit:
            return await channel.sent(pools.ANYWHERE, to, f"waits {number}", send_at=moment.isoformat())

    ids = await asyncio.gather(*(one(number) for number in range(WAITING)))
    assert time.time() < moment.timestamp(), "they must all be handed in before they are due"
    await write(phones, to, pools.ASKING["twilio"], "STOP")
    for message_id in ids:
        shown = await channel.until(message_id, "failed")
        assert shown["status"] == "failed"
        assert shown["handed_off_at"] is None
    assert await phones.texts(to) == []
    assert await phones.requests(to) == []
    record = await channel.record(ids[0])
    assert "opted_out" in str(record)


async def test_a_providers_own_code_writes_one(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    """Twilio 21610: the recipient has written STOP to it, and we have not heard of it."""
    to = person()
    async with phones.fault({"to": to}, "reject", code="21610"):
        await channel.until(await channel.sent(pools.THROUGH["twilio"], to, "unwanted"), "failed")
    await channel.until_refused(pools.THROUGH["twilio"], "opted_out", to=to)


async def test_they_can_be_seen_and_written_over_the_api(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    await write(phones, to, pools.ASKING["telnyx"], "STOP")
    await channel.until_refused(pools.THROUGH["telnyx"], "opted_out", to=to)
    shown = await channel.api.call("GET", "/v1/optouts", params={"number": to})
    assert shown.status == 200, shown
    assert pools.THROUGH["telnyx"] in shown.raw.decode()
    other = person()
    added = await channel.api.call("POST", "/v1/optouts", json={"number": other})
    assert added.status in {200, 201}, added
    await channel.until_refused(pools.UPDATES, "opted_out", to=other)
    gone = await channel.api.call("DELETE", "/v1/optouts", params={"number": other})
    assert gone.status in {200, 204}, gone
    await channel.until_permitted(pools.UPDATES, other)
