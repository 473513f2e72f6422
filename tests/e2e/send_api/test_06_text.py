"""6. Text: counted as carriers count, and the same on the handset, character for character."""

import asyncio
import json
import unicodedata
from collections.abc import Callable

import pytest

from tests.e2e import world
from tests.e2e.caller import Api, Phones, accepted, problem

pytestmark = pytest.mark.e2e
EURO = "€"  # an escape and a character: two septets
EMOJI = "😀"  # two UTF-16 units

#: What -> (text, segments). 160 septets or 70 UTF-16 units in one; 153 or 67 in each of several.
SEGMENTS: dict[str, tuple[str, int]] = {
    "one character": ("x", 1),
    "160 septets": ("x" * 160, 1),
    "161 septets": ("x" * 161, 2),
    "306 septets": ("x" * 306, 2),
    "307 septets": ("x" * 307, 3),
    "80 extension characters": (EURO * 80, 1),
    "80 and one": (EURO * 80 + "x", 2),
    "each extension character": ("^{}\\[~]|€\f" * 8, 1),
    "an extension character over the edge": ("x" * 152 + EURO + "x" * 152, 3),
    "the same beside the edge": ("x" * 151 + EURO + "x" * 153, 2),
    "the basic alphabet's own": ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà" * 4 + "\r\n", 2),
    "a letter outside it": ("ç" + "x" * 69, 1),
    "a letter outside it, 71": ("ç" + "x" * 70, 2),
    "a backquote": ("`" + "x" * 70, 2),
    "70 units": ("я" * 70, 1),
    "71 units": ("я" * 71, 2),
    "134 units": ("я" * 134, 2),
    "135 units": ("я" * 135, 3),
    "35 emoji": (EMOJI * 35, 1),
    "36 emoji": (EMOJI * 36, 2),
    "a pair of surrogates over the edge": ("я" * 66 + EMOJI + "я" * 66, 3),
    "67 emoji": (EMOJI * 67, 3),
    "the longest": ("x" * 1600, 11),
    "many lines": ("line\n" * 32, 1),
}


@pytest.mark.parametrize("kind", SEGMENTS)
async def test_segments_are_told_wherever_a_message_is_shown(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str], kind: str
) -> None:
    text, segments = SEGMENTS[kind]
    to = handset()
    answer = await api.send(senders["twilio"], to, text)
    message_id = accepted(answer)
    assert answer.body["num_segments"] == segments
    await api.delivered(message_id)
    assert (await api.status(message_id)).body["num_segments"] == segments
    assert (await api.whole(message_id)).body["num_segments"] == segments
    assert [got["text"] for got in await phones.texts(to)] == [text]


UNCHANGED: dict[str, str] = {
    "emoji": "😀 👍🏽 👩‍👩‍👧‍👦 🏴‍☠️ 🇺🇦 1️⃣",
    "right to left": "שלום עולם - مرحبا بالعالم \u202eabc\u202c \u200f",
    "combining marks": "e\u0301 is not é, and a\u0308\u0323 Z̷̧̢a̸͜l̵̛g̶o̴",
    "decomposed Korean": unicodedata.normalize("NFD", "한국어"),
    "scripts": "Ελληνικά Русский 中文 日本語 ไทย हिन्दी ქართული",
    "beyond the first plane": "\U0001d4d7\U0001d4ee\U0001d4f5 𐍈 𠜎",
    "white space": " a  b\tc\r\nd\u00a0e\u2003f\u2028g ",
    "invisible": "zero\u200bwidth\ufeffjoiner\u200d",
    "form and JSON characters": "a=b&c=d+e%20f \"quoted\" \\back\\ 'single' <tag> ;#?/\u0001",
    "last code points": "\ufffd\U0010fffd",
    "shift out of the basic alphabet": "^{}\\[~]|€ ÄÖÑÜ§¿äöñüà",
}


@pytest.mark.parametrize("provider", ["twilio", "telnyx", "vonage"])
async def test_text_is_unchanged_on_the_handset(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str], provider: str
) -> None:
    async def way(text: str) -> None:
        to = handset()
        message_id = accepted(await api.send(senders[provider], to, text))
        await api.delivered(message_id)
        assert [got["text"] for got in await phones.texts(to)] == [text]
        assert (await api.whole(message_id)).body["message"] == text

    async with asyncio.TaskGroup() as group:
        for text in UNCHANGED.values():
            group.create_task(way(text))


@pytest.mark.parametrize("text", ["\0", "a\0b", "a\0"])
async def test_nul_is_refused(api: Api, text: str) -> None:
    problem(await api.send(world.EXAMPLE, "+12025550100", text), 400, "nul_in_message")


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\ude00\\ud83d"])
async def test_half_a_character_is_refused(api: Api, half: str) -> None:
    fields = {"from_phone_number": world.EXAMPLE, "to_phone_number": "+12025550100", "message": "a half b"}
    answer = await api.post(json.dumps(fields).replace("half", half).encode())
    assert answer.status == 400
    problem(answer, 400, answer.body["code"])


@pytest.mark.parametrize(
    ("provider", "text", "taken"),
    [
        ("twilio", "x" * 1600, True),
        ("vonage", "x" * 1600, True),
        ("vonage", "я" * 1600, True),
        # Telnyx takes ten parts: 153 septets or 67 UTF-16 units each.
        ("telnyx", "x" * 1530, True),
        ("telnyx", "x" * 1531, False),
        ("telnyx", "я" * 670, True),
        ("telnyx", "я" * 671, False),
    ],
)
async def test_each_providers_own_limit_is_kept_at_the_door(
    api: Api,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
    *,
    provider: str,
    text: str,
    taken: bool,
) -> None:
    to = handset()
    answer = await api.send(senders[provider], to, text)
    if taken:
        await api.delivered(accepted(answer))
        assert [got["text"] for got in await phones.texts(to)] == [text]
    else:
        problem(answer, 400, "text_too_long_for_provider")


async def test_the_length_is_counted_in_characters(
    api: Api, phones: Phones, senders: dict[str, str], handset: Callable[[], str]
) -> None:
    """1600 emoji are 1600 characters, however many bytes or UTF-16 units they are."""
    to = handset()
    problem(await api.send(senders["twilio"], to, EMOJI * 1601), 400, "message_too_long")
    answer = await api.send(senders["twilio"], to, EMOJI * 1600)
    assert answer.body["num_segments"] == 49
    await api.delivered(accepted(answer))
    assert [text["text"] for text in await phones.texts(to)] == [EMOJI * 1600]
