"""5. MMS: `media_urls` reach the handset through each provider; what may not go is refused at the door."""

import asyncio
from collections.abc import Callable

import pytest

from tests.e2e import world
from tests.e2e.caller import Api, Phones, accepted, problem

pytestmark = pytest.mark.e2e
PICTURES = ["https://example.com/one.jpg", "https://example.com/two.png?size=large&v=2"]


@pytest.mark.parametrize("queue", [True, False])
@pytest.mark.parametrize("provider", ["twilio", "telnyx", "vonage"])
async def test_media_reach_the_handset(
    api: Api,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
    provider: str,
    *,
    queue: bool,
) -> None:
    to = handset()
    answer = await api.send(senders[provider], to, "Two pictures", media_urls=PICTURES, queue=queue)
    message_id = accepted(answer)
    await api.delivered(message_id)
    (text,) = await phones.texts(to)
    assert (text["text"], text["provider"], text["media"]) == ("Two pictures", provider, PICTURES)
    whole = (await api.whole(message_id)).body
    assert whole["media_urls"] == PICTURES
    assert whole["num_segments"] == answer.body["num_segments"] == 1  # as carriers count a picture message


@pytest.mark.parametrize("provider", ["twilio", "telnyx", "vonage"])
async def test_as_many_as_may_be_go_and_one_more_is_refused(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str], provider: str
) -> None:
    to, urls = handset(), [f"https://example.com/{n}.jpg" for n in range(11)]
    problem(await api.send(senders[provider], to, "Eleven", media_urls=urls), 400, "too_many_media")
    answer = await api.send(senders[provider], to, "Ten", media_urls=urls[:10])
    await api.delivered(accepted(answer))
    (text,) = await phones.texts(to)
    assert text["media"] == urls[:10]


PRIVATE = [
    "http://127.0.0.1/a.jpg",
    "https://127.8.9.10:8443/a.jpg",
    "http://localhost/a.jpg",
    "http://LOCALHOST./a.jpg",
    "http://media.localhost/a.jpg",
    "http://10.0.0.1/a.jpg",
    "http://172.16.0.1/a.jpg",
    "http://172.31.255.254/a.jpg",
    "http://192.168.1.1/a.jpg",
    "http://100.64.0.1/a.jpg",
    "http://169.254.169.254/latest/meta-data",
    "http://0.0.0.0/a.jpg",
    "http://255.255.255.255/a.jpg",
    "http://[::1]/a.jpg",
    "http://[::]/a.jpg",
    "http://[fe80::1]/a.jpg",
    "http://[fd00::1]/a.jpg",
    "http://[::ffff:127.0.0.1]/a.jpg",
    "http://[::ffff:a00:1]/a.jpg",
    "http://[64:ff9b::7f00:1]/a.jpg",
    "http://2130706433/a.jpg",
    "http://0x7f000001/a.jpg",
    "http://0x7f.1/a.jpg",
    "http://0177.0.0.1/a.jpg",
    "http://127.1/a.jpg",
    "http://example.com@127.0.0.1/a.jpg",
    "http://\uff11\uff12\uff17.0.0.1/a.jpg",
]
NO_URLS = [
    "",
    "example.com/a.jpg",
    "ftp://example.com/a.jpg",
    "file:///etc/passwd",
    "https://",
    "https:///a.jpg",
]


@pytest.mark.parametrize("url", PRIVATE)
async def test_private_and_loopback_addresses_are_refused(api: Api, url: str) -> None:
    answer = await api.send(world.EXAMPLE, "+12025550100", "x", media_urls=[PICTURES[0], url])
    problem(answer, 400, "private_media_url")


@pytest.mark.parametrize("url", NO_URLS)
async def test_what_is_no_web_address_is_refused(api: Api, url: str) -> None:
    problem(await api.send(world.EXAMPLE, "+12025550100", "x", media_urls=[url]), 400, "invalid_media_url")


async def test_public_addresses_that_look_alike_are_taken(api: Api, handset: Callable[[], str]) -> None:
    urls = ["https://8.8.8.8/a.jpg", "https://[2606:4700::1111]/a.jpg", "https://localhost.example.com/a.jpg"]
    answers = await asyncio.gather(
        *(api.send(world.EXAMPLE, handset(), "x", media_urls=[url]) for url in urls)
    )
    await asyncio.gather(*(api.delivered(accepted(answer)) for answer in answers))


async def test_a_number_without_the_capability_sends_no_media(
    globex: Api, handset: Callable[[], str]
) -> None:
    to = handset()
    problem(await globex.send(world.TEXT_ONLY, to, "x", media_urls=PICTURES), 400, "media_not_supported")
    await globex.delivered(accepted(await globex.send(world.TEXT_ONLY, to, "x")))
