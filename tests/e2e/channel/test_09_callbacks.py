"""9. Status callbacks: signed by the sub-account's own token; repeats and regressions move nothing."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from cli.local.stack import Stack
from schemas.settings import KafkaSettings
from tests.e2e.caller import Phones, eventually
from tests.e2e.channel import pools, simlog
from tests.e2e.channel.caller import Channel
from tests.e2e.following import following

pytestmark = pytest.mark.e2e
PATH: Final = "/v1/webhook/twilio/sms-status"
MESSAGES: Final = 6


@dataclass(frozen=True)
class Twilio:
    """Tells receipts in the simulator's place."""

    session: aiohttp.ClientSession
    token: str = pools.SUB_TOKEN

    async def tell(self, url: str, fields: Mapping[str, str], signature: str | None = None) -> int:
        """POST a callback; the HTTP status of its answer."""
        signed = signature or RequestValidator(self.token).compute_signature(url, dict(fields))
        headers = {"X-Twilio-Signature": signed}
        async with self.session.post(url, data=dict(fields), headers=headers) as response:
            await response.read()
            return response.status


async def sent(channel: Channel, phones: Phones, stack: Stack, to: str) -> tuple[str, str, dict[str, str]]:
    """A message that the sub-account has and tells nothing of: its id, its callback's URL and its fields."""
    async with phones.fault({"to": to}, "receipts", when="never"):
        message_id = await channel.sent(pools.RESILIENT, to, f"to {to}")
        await channel.until(message_id, "sent")
    messages = [json.loads(line).get("message") for line in simlog.path(stack).read_text().splitlines()]
    (ours,) = (one for one in messages if one is not None and one["draft"]["to"] == to)
    url = str(ours["draft"]["webhook_url"]).partition("#")[0]
    assert url.startswith(f"{stack.run.webhooks}{PATH}")
    fields = {
        "AccountSid": pools.SUB_ACCOUNT_SID, "MessageSid": ours["id"], "To": to, "From": pools.OF_SUB_ACCOUNT,
    }  # fmt: skip
    return message_id, url, fields


async def of_sub_account(channel: Channel, person: Callable[..., str]) -> str:
    """Somebody whose number in the pool is the sub-account's."""
    while True:
        to = person()
        if (await channel.until_permitted(pools.RESILIENT, to))["from_number"] == pools.OF_SUB_ACCOUNT:
            return to


async def test_its_signature_is_the_sub_accounts_own(
    stack: Stack, channel: Channel, phones: Phones, person: Callable[..., str], session: aiohttp.ClientSession
) -> None:
    to = await of_sub_account(channel, person)
    message_id, url, fields = await sent(channel, phones, stack, to)
    delivered = {**fields, "MessageStatus": "delivered"}
    main = (stack.home / "secrets" / "twilio_auth_token").read_text().strip()
    assert await Twilio(session, main).tell(url, delivered) == 403
    assert await Twilio(session).tell(url, delivered, "bm8gc2lnbmF0dXJl") == 403
    assert (await channel.get(message_id))["status"] == "sent"
    assert await Twilio(session).tell(url, delivered) == 204
    await channel.delivered(message_id)


async def test_what_it_does_not_know_is_taken_in_silence(
    stack: Stack, channel: Channel, session: aiohttp.ClientSession
) -> None:
    fields = {
        "AccountSid": pools.SUB_ACCOUNT_SID,
        "MessageSid": "SM" + "0" * 32,
        "MessageStatus": "delivered",
    }
    assert (await channel.send(pools.ANYWHERE, "+16175550123", "?", dry_run=True)).status == 200
    assert await Twilio(session).tell(f"{stack.run.webhooks}{PATH}", fields) == 204


async def test_in_any_order_and_however_often_they_end_the_same(
    stack: Stack, channel: Channel, phones: Phones, person: Callable[..., str], session: aiohttp.ClientSession
) -> None:
    dice, ids = random.Random(9), {}
    async with following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch:
        for number in range(MESSAGES):
            to = await of_sub_account(channel, person)
            message_id, url, fields = await sent(channel, phones, stack, to)
            ending = ("delivered", "undelivered")[number % 2]
            words = ["queued", "sending", "sent", "sent", ending, ending]
            dice.shuffle(words)
            for word in words:
                code = {"ErrorCode": "30005"} if word == "undelivered" else {}
                assert await Twilio(session).tell(url, {**fields, "MessageStatus": word, **code}) == 204
            # What would take it back comes last of all.
            assert await Twilio(session).tell(url, {**fields, "MessageStatus": "sent"}) == 204
            ids[message_id] = ending
        for message_id, ending in ids.items():
            await channel.until(message_id, ending)

        async def stories() -> list[str]:
            return [m for m, ending in ids.items() if watch.stories[m].last["status"] == ending]

        await eventually(stories, lambda ended: len(ended) == len(ids))
        for message_id, ending in ids.items():
            records = watch.stories[message_id].records
            assert [records[n]["status"] for n in sorted(records)] == ["queued", "sent", ending]
            assert watch.stories[message_id].gapless
