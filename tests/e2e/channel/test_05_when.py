"""5. Not before: `send_at` and quiet hours. It waits, says until when, and can be cancelled."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.caller import Api, Phones, accepted, problem
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel, taken

pytestmark = pytest.mark.e2e


def ahead(**time: float) -> str:
    """A moment from now on."""
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


async def test_it_is_held_until_then_and_not_longer_than_need_be(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to, moment = person("415"), ahead(seconds=6)
    first = taken(await channel.send(pools.UPDATES, to, "later", send_at=moment, valid_for=120))
    assert datetime.fromisoformat(first["send_at"]) >= datetime.fromisoformat(moment) - timedelta(seconds=1)
    assert (first["status"], first["state"]) == ("pending", "queued")
    shown = await channel.delivered(first["id"])
    (text,) = await phones.texts(to)
    assert datetime.fromisoformat(text["at"]) >= datetime.fromisoformat(moment) - timedelta(milliseconds=50)
    assert shown["from_number"] == text["from"] == pools.SAN_FRANCISCO


async def test_one_that_is_held_can_be_cancelled(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    held = await channel.sent(pools.ANYWHERE, to, "never", send_at=ahead(seconds=5))
    other = await channel.sent(pools.ANYWHERE, to, "later", send_at=ahead(seconds=6))
    answer = await channel.api.cancel(held)
    assert answer.body["success"] is True
    shown = await channel.until(held, "cancelled")
    assert (shown["status"], shown["handed_off_at"]) == ("failed", None)
    await channel.delivered(other)
    assert [text["text"] for text in await phones.texts(to)] == ["later"]


async def test_it_is_at_most_two_days_ahead(channel: Channel, person: Callable[..., str]) -> None:
    answer = await channel.send(pools.ANYWHERE, person(), "too late", send_at=ahead(hours=49))
    problem(answer, 422, "invalid_field")
    held = await channel.sent(pools.ANYWHERE, person(), "in time", send_at=ahead(hours=47))
    assert (await channel.api.cancel(held)).body["success"] is True


async def test_the_send_api_takes_a_time_as_well(
    api: Api, phones: Phones, handset: Callable[[], str], senders: dict[str, str]
) -> None:
    to, moment = handset(), ahead(seconds=4)
    await api.delivered(accepted(await api.send(senders["telnyx"], to, "later", send_at=moment)))
    (text,) = await phones.texts(to)
    assert datetime.fromisoformat(text["at"]) >= datetime.fromisoformat(moment) - timedelta(milliseconds=50)


async def test_in_quiet_hours_it_waits_for_their_end(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    first = taken(await channel.send(pools.QUIETLY, to, "not while you sleep"))
    assert datetime.fromisoformat(first["send_at"]) > datetime.now(UTC) + timedelta(minutes=30)
    # What was handed in after it, without quiet hours, has arrived; it has not.
    await channel.delivered(await channel.sent(pools.ANYWHERE, to, "urgent"))
    assert (await channel.get(first["id"]))["status"] == "pending"
    assert [text["text"] for text in await phones.texts(to)] == ["urgent"]
    assert (await channel.api.cancel(first["id"])).body["success"] is True


async def test_many_of_one_moment_go_then(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    moment, people = ahead(seconds=6), [person() for _ in range(20)]
    ids = await asyncio.gather(
        *(channel.sent(pools.ANYWHERE, to, "all at once", send_at=moment) for to in people)
    )
    await asyncio.gather(*(channel.delivered(message_id) for message_id in ids))
    for to in people:
        assert len(await phones.texts(to)) == 1
