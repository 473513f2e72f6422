"""MMS for Vonage, which wants every medium's kind."""

from typing import Any

import pytest

from dispatchers.providers.vonage_mms import kind, mms

COMMON = {"to": "447700900000", "from_": "447700900001", "ttl": 600}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://x/a.jpg", "image"),
        ("https://x/a.PNG?size=1.mp4", "image"),
        ("https://x/a.mp3", "audio"),
        ("https://x/a.mp4#t=1", "video"),
        ("https://x/a.vcf", "vcard"),
        ("https://x/a.pdf", "file"),
        ("https://x/media/0123", "image"),
        ("https://x/a.unheard-of", "image"),
        ("https://x", "image"),
    ],
)
def test_kind(url: str, found: str) -> None:
    assert kind(url) == found


def wire(media: tuple[str, ...], text: str) -> dict[str, Any]:
    found: dict[str, Any] = mms(media, text, **COMMON).model_dump(
        by_alias=True, exclude_none=True, mode="json"
    )
    return found


@pytest.mark.parametrize("name", ["image", "audio", "video", "vcard", "file"])
def test_one_medium_is_a_message_of_its_kind(name: str) -> None:
    ending = {"image": "gif", "audio": "wav", "video": "mov", "vcard": "vcf", "file": "pdf"}[name]
    found = wire((f"https://x/a.{ending}",), "look")
    assert (found["channel"], found["message_type"]) == ("mms", name)
    assert found[name] == {"url": f"https://x/a.{ending}", "caption": "look"}


def test_several_media_are_one_message_and_the_first_has_the_text() -> None:
    found = wire(("https://x/a.gif", "https://x/b.mp4"), "look")
    assert found["message_type"] == "content"
    assert found["content"] == [
        {"type": "image", "url": "https://x/a.gif", "caption": "look"},
        {"type": "video", "url": "https://x/b.mp4"},
    ]


def test_without_a_text_there_is_no_caption() -> None:
    assert wire(("https://x/a.gif",), "")["image"] == {"url": "https://x/a.gif"}
