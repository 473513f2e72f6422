"""Texts and media reach the provider as they were written: byte for byte on the wire, and at the handset."""
# ruff: noqa: RUF001 - look-alikes are what is tested

import pytest

from schemas.provider import Accepted, Provider
from tests.contracts.providers import rigs
from tests.contracts.providers.capture import Capture, Request
from tests.contracts.providers.conftest import Connect
from tests.contracts.providers.rigs import handover, task

TEXTS = {
    "emoji": "Hi 😀🇩🇪👍🏽",
    "joined": "👩\u200d👩\u200d👧\u200d👦 and ❤️\u200d🔥",
    "right to left": "שלום \u200fעולם\u200e, مرحبا \u202babc\u202c",
    "combining": "e\u0301 a\u0308 \u0939\u093f\u0928\u094d\u0926\u0940 Z\u0351\u036b",
    "composed": "\u00e9 \u00e4 \u1e9b\u0323",
    "compatibility": "ﬁ ① ｆｕｌｌ ㎏ \u212b",
    "invisible": "a\u00a0b\u2009c\u200bd\ufeffe\u00adf",
    "beyond": "𝔘𠮷\U0010fffd",
    "lines": "one\r\ntwo\nthree\rfour\tfive\f\x0b\x1b\x7f",
    "of the form": "a+b c%20d&e=f;g?h#i/j\\k\"l'm<n>{o}",
    "edges": "  blank at both ends  ",
    "long": "ß" * 600,
}
URLS = (
    "https://media.example.com/a%20b.jpg?x=1&y=%C3%A9+z#top",
    "https://b\u00fccher.example/bild.png",
    "http://media.example.com:8080/c.vcf",
)


def text_of(provider: Provider, request: Request) -> str:
    if provider is Provider.TWILIO:
        return dict(request.form)["Body"]
    return str(request.json["text"])


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("name", TEXTS)
async def test_a_text_is_written_as_it_is(
    provider: Provider, name: str, server: Capture, connected: Connect
) -> None:
    server.behaviour = rigs.SUCCESS[provider]
    found = await connected(provider).send(handover(task(provider, text=TEXTS[name])))
    assert isinstance(found, Accepted)
    (request,) = server.requests
    # As bytes: a comparison of strings would not tell what was lost in them.
    assert text_of(provider, request).encode() == TEXTS[name].encode()


@pytest.mark.parametrize("provider", Provider)
async def test_media_are_written_as_they_are(provider: Provider, server: Capture, connected: Connect) -> None:
    server.behaviour = rigs.SUCCESS[provider]
    text = TEXTS["joined"]
    found = await connected(provider).send(handover(task(provider, text=text, media=URLS)))
    assert isinstance(found, Accepted)
    (request,) = server.requests
    match provider:
        case Provider.TWILIO:
            urls = [value for name, value in request.form if name == "MediaUrl"]
            assert dict(request.form)["Body"] == text
        case Provider.TELNYX:
            urls = request.json["media_urls"]  # type: ignore[assignment] # a list of strings, or it differs
            assert request.json["text"] == text
        case Provider.VONAGE:
            items = request.json["content"]
            assert isinstance(items, list)
            urls = [item["url"] for item in items]
            assert [item["type"] for item in items] == ["image", "image", "vcard"]
            assert [item.get("caption") for item in items] == [text, None, None]
    assert urls == list(URLS)


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("many", [1, 10])
async def test_as_many_media_as_the_door_lets_in(
    provider: Provider, many: int, server: Capture, connected: Connect
) -> None:
    server.behaviour = rigs.SUCCESS[provider]
    media = tuple(f"https://media.example.com/{n}.gif" for n in range(many))
    # The longest text that the door lets in is a caption that all three take.
    found = await connected(provider).send(handover(task(provider, text="é" * 1600, media=media)))
    assert isinstance(found, Accepted)
    assert all(
        url in server.requests[0].body.decode().replace("%3A", ":").replace("%2F", "/") for url in media
    )


@pytest.mark.parametrize(
    ("text", "media", "expected"),
    [
        ("plain {text} ä", (), None),
        ("“quoted”", (), "ucs2"),
        ("😀", (), "ucs2"),
        # Not in Telnyx' own GSM alphabet.
        ("5 €", (), "ucs2"),
        ("“quoted”", ("https://media.example.com/a.jpg",), None),
    ],
)
async def test_telnyx_is_told_to_keep_the_characters(
    text: str, media: tuple[str, ...], expected: str | None, server: Capture, connected: Connect
) -> None:
    server.behaviour = rigs.SUCCESS[Provider.TELNYX]
    await connected(Provider.TELNYX).send(handover(task(Provider.TELNYX, text=text, media=media)))
    assert server.requests[0].json.get("encoding") == expected
