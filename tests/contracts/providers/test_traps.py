"""The SDKs as their guides show them, on the same wire: each trap, and that ours is closed.

Should one of these fail after an upgrade, the SDK has changed: read docs/providers.md first.
"""

import asyncio
import json

import pydantic
import pytest
import requests
import telnyx
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from vonage_http_client import Auth, HttpClient, HttpClientOptions
from vonage_messages import Messages
from vonage_messages.models import Sms

from dispatchers.providers import connect
from dispatchers.providers.vonage import VonagePort
from schemas.provider import Accepted, Ambiguous, Provider, Unavailable
from tests.contracts.providers import rigs
from tests.contracts.providers.capture import Answer, Behaviour, Capture, Drop, Silence
from tests.contracts.providers.rigs import HTTP, IMPATIENT, handover, task

TELNYX_KEY = "KEY-naive"
UNAVAILABLE = Answer(503, b"{}")


async def ours(provider: Provider, server: Capture, behaviour: Behaviour) -> object:
    """What one hand-over through our adapter comes to, having made one POST."""
    server.requests.clear()
    server.behaviour = behaviour
    port = connect(rigs.account(provider, server.url), HTTP)
    try:
        return await port.send(handover(task(provider)))
    finally:
        await port.close()
        assert len(server.requests) == 1


def naive_telnyx(server: Capture) -> telnyx.AsyncTelnyx:
    return telnyx.AsyncTelnyx(api_key=TELNYX_KEY, base_url=f"{server.url}/v2")


@pytest.mark.parametrize("behaviour", [UNAVAILABLE, Drop(), Answer(409, b"{}")])
async def test_telnyx_posts_three_times_by_default_and_without_a_key(
    server: Capture, behaviour: Behaviour
) -> None:
    server.behaviour = behaviour
    async with naive_telnyx(server) as client:
        with pytest.raises(telnyx.APIError):
            await client.messages.send(to="+14155550199", from_="+14155550100", text="x")
    assert len(server.requests) == 3
    assert not any("idempotency-key" in request.headers for request in server.requests)
    assert isinstance(await ours(Provider.TELNYX, server, behaviour), Ambiguous)
    assert "idempotency-key" in server.requests[0].headers


async def test_telnyx_has_no_parameter_for_tags(server: Capture) -> None:
    async with naive_telnyx(server) as client:
        with pytest.raises(TypeError):
            await client.messages.send(to="+1", from_="+1", text="x", tags=["a"])  # type: ignore[call-arg] # the trap
    assert isinstance(await ours(Provider.TELNYX, server, rigs.SUCCESS[Provider.TELNYX]), Accepted)
    assert server.requests[0].json["tags"]


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"data":null}'])
async def test_telnyx_makes_something_of_any_success(server: Capture, body: bytes) -> None:
    """A model of Nones, a word: nothing that says that the message may have been accepted."""
    server.behaviour = Answer(
        200, body, {"Content-Type": "text/html" if b"<" in body else "application/json"}
    )
    async with naive_telnyx(server) as client:
        found: object = await client.messages.send(to="+1", from_="+1", text="x")
    assert getattr(getattr(found, "data", None), "id", None) is None
    assert isinstance(await ours(Provider.TELNYX, server, server.behaviour), Ambiguous)


def naive_vonage(server: Capture, **options: int) -> Messages:
    """As the guide shows it; only the address is the capture server's."""
    auth = Auth(application_id="a", private_key=rigs.secrets()["T_VONAGE"])
    client = HttpClient(auth, HttpClientOptions(**options) if options else None, "4.9.1")

    class Plain(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: object, **more: object) -> requests.Response:
            request.url = server.url + request.path_url
            return super().send(request, **more)  # type: ignore[arg-type] # handed on

    adapter = client._adapter
    client._session.mount(
        "https://", Plain(pool_maxsize=adapter._pool_maxsize, max_retries=adapter.max_retries)
    )
    return Messages(client)


SMS = Sms(to="14155550199", from_="14155550100", text="x")


@pytest.mark.parametrize(
    ("options", "posts"),
    [({}, 10), ({"max_retries": 0}, 10), ({"pool_maxsize": 50}, 50), ({"pool_maxsize": 1}, 1)],
)
async def test_vonage_posts_as_often_as_its_pool_is_large(
    server: Capture, options: dict[str, int], posts: int
) -> None:
    server.behaviour = Drop()
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(naive_vonage(server, **options).send, SMS)
    assert len(server.requests) == posts
    assert isinstance(await ours(Provider.VONAGE, server, Drop()), Ambiguous)


async def test_vonage_even_with_its_retries_on_we_post_once(server: Capture) -> None:
    """The exchange holds what the pinned version's settings hold: another version may count otherwise."""
    server.behaviour = Drop()
    port = connect(rigs.account(Provider.VONAGE, server.url), HTTP)
    assert isinstance(port, VonagePort)
    client = port._messages.http_client
    client._http_client_options = HttpClientOptions(pool_maxsize=10, max_retries=3)
    assert isinstance(await port.send(handover(task(Provider.VONAGE))), Ambiguous)
    await port.close()
    assert len(server.requests) == 1


async def test_vonage_waits_for_ever_by_default(server: Capture) -> None:
    server.behaviour = Silence()
    naive = asyncio.ensure_future(asyncio.to_thread(naive_vonage(server).send, SMS))
    await asyncio.wait_for(server.arrived.wait(), 20)
    port = connect(rigs.account(Provider.VONAGE, server.url), IMPATIENT)
    assert isinstance(await port.send(handover(task(Provider.VONAGE))), Ambiguous | Unavailable)
    await port.close()
    assert not naive.done()
    await server.stop()
    server.behaviour = rigs.SUCCESS[Provider.VONAGE]
    await naive


async def test_vonage_makes_a_token_for_each_send(server: Capture) -> None:
    server.behaviour = rigs.SUCCESS[Provider.VONAGE]
    naive = naive_vonage(server)
    for _ in range(3):
        await asyncio.to_thread(naive.send, SMS)
    assert len({request.headers["authorization"] for request in server.requests}) == 3
    server.requests.clear()
    port = connect(rigs.account(Provider.VONAGE, server.url), HTTP)
    for _ in range(3):
        await port.send(handover(task(Provider.VONAGE)))
    await port.close()
    assert len({request.headers["authorization"] for request in server.requests}) == 1


@pytest.mark.parametrize(
    ("body", "error"), [(b"<html>", TypeError), (b"{}", pydantic.ValidationError), (b"[]", TypeError)]
)
async def test_vonage_raises_after_a_success(server: Capture, body: bytes, error: type[Exception]) -> None:
    server.behaviour = Answer(202, body)
    with pytest.raises(error):
        await asyncio.to_thread(naive_vonage(server).send, SMS)
    assert len(server.requests) == 1
    assert isinstance(await ours(Provider.VONAGE, server, server.behaviour), Ambiguous)


def test_vonage_takes_no_plus() -> None:
    with pytest.raises(pydantic.ValidationError):
        Sms(to="+14155550199", from_="14155550100", text="x")


#: It hands aiohttp what aiohttp deprecates.
naive_warnings = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def naive_twilio(server: Capture, http: AsyncTwilioHttpClient, **more: object) -> Client:
    client = Client("SK", "secret", account_sid="AC" + "a" * 32, http_client=http, **more)
    client.api.base_url = server.url
    return client


@naive_warnings
async def test_twilio_posts_again_when_retries_are_set(server: Capture) -> None:
    server.behaviour = UNAVAILABLE
    async with AsyncTwilioHttpClient(max_retries=3) as http:
        # The session under its retries is closed by nobody.
        inner = http.session._client
        with pytest.raises(TwilioException):
            await naive_twilio(server, http).messages.create_async(to="+1", from_="+1", body="x")
        await inner.close()
    assert len(server.requests) == 3
    assert isinstance(await ours(Provider.TWILIO, server, UNAVAILABLE), Ambiguous)


@naive_warnings
async def test_twilio_ignores_its_timeout(server: Capture) -> None:
    server.behaviour = Silence()
    async with AsyncTwilioHttpClient(timeout=0.05) as http:
        naive = asyncio.ensure_future(
            naive_twilio(server, http).messages.create_async(to="+1", from_="+1", body="x")
        )
        await asyncio.wait_for(server.arrived.wait(), 20)
        port = connect(rigs.account(Provider.TWILIO, server.url), IMPATIENT)
        assert isinstance(await port.send(handover(task(Provider.TWILIO))), Ambiguous | Unavailable)
        await port.close()
        assert not naive.done()
        naive.cancel()
        await asyncio.gather(naive, return_exceptions=True)


@naive_warnings
async def test_twilio_forgets_when_to_come_back(server: Capture) -> None:
    server.behaviour = Answer(429, json.dumps({"code": 20429, "message": "x"}).encode(), {"Retry-After": "7"})
    async with AsyncTwilioHttpClient() as http:
        with pytest.raises(TwilioException) as caught:
            await naive_twilio(server, http).messages.create_async(to="+1", from_="+1", body="x")
    assert not hasattr(caught.value, "headers")
    found = await ours(Provider.TWILIO, server, server.behaviour)
    assert getattr(found, "retry_after", None) == 7


def test_twilio_lets_the_environment_rewrite_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "ashburn")
    client = Client("SK", "secret", http_client=TwilioHttpClient())
    assert client.get_hostname("http://127.0.0.1:1/x") != "http://127.0.0.1:1/x"
