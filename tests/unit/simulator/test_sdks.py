"""The providers' own SDKs find here what they know from the providers."""

import pytest
import telnyx
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from tests.unit.simulator.harness import ACCOUNT_SID, HANDSET, NUMBER, Receiver, Sender


# The SDK's own client still uses what aiohttp has deprecated.
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning")
async def test_twilio(sender: Sender, receiver: Receiver) -> None:
    http = AsyncTwilioHttpClient()
    client = Client("SK1", "secret", account_sid=ACCOUNT_SID, http_client=http)
    client.api.base_url = str(sender.simulator.make_url("/")).rstrip("/")
    try:
        sent = [
            await client.messages.create_async(
                to=HANDSET,
                from_=NUMBER,
                body=f"text {number}",
                status_callback=f"{receiver.base}/wh?m=1#rc=5&rp=all",
            )
            for number in range(3)
        ]
        await receiver.callbacks(6)
        found = await client.messages.list_async(to=HANDSET, page_size=2)
        assert [it.sid for it in found] == [it.sid for it in reversed(sent)]
        fetched = await client.messages(str(sent[0].sid)).fetch_async()
        assert (fetched.status, fetched.body) == ("delivered", "text 0")
        assert fetched.date_sent is not None
        with pytest.raises(TwilioRestException) as refused:
            await client.messages.create_async(to="1", from_=NUMBER, body="x")
        assert (refused.value.status, refused.value.code) == (400, 21211)
    finally:
        await http.close()


async def test_telnyx(sender: Sender) -> None:
    client = telnyx.AsyncTelnyx(api_key="KEY1", base_url=str(sender.simulator.make_url("/v2")), max_retries=0)
    async with client:
        first, again = [
            await client.messages.send(to=HANDSET, from_=NUMBER, text="hello", idempotency_key="nonce-1")
            for _ in range(2)
        ]
        assert first.data is not None
        assert first == again
        fetched = await client.messages.retrieve(str(first.data.id))
        assert fetched.data is not None
        with pytest.raises(telnyx.BadRequestError) as refused:
            await client.messages.send(to="1", from_=NUMBER, text="x")
        assert refused.value.body["errors"][0]["code"] == "40310"  # type: ignore[index] # any JSON
    assert len(await sender.texts()) == 1
