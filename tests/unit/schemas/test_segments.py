"""Segments at the edges of each alphabet, and against a count that is made from the parts themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.segments import Encoding, counted, encoding, segments

#: 3GPP TS 23.038 §6.2.1, row by row from 0x00; the escape (0x1B) is no character. And its extension.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]",
             0x40: "|", 0x65: "€"}  # fmt: skip
CODES = {char: bytes([code]) for code, char in enumerate(BASIC) if char != "\x1b"}
CODES |= {char: bytes([0x1B, code]) for code, char in EXTENSION.items()}


def test_the_alphabet_is_the_standards() -> None:
    assert len(BASIC) == 128
    gsm7 = {chr(code) for code in range(0x3000) if encoding(chr(code)) is Encoding.GSM7}
    assert gsm7 == set(CODES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 1530, 10),
        ("a" * 1531, 11),
        ("a" * 1600, 11),
        # Escapes count: 80 euros are 160 septets.
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        # An escape at a part's end moves to the next part whole: 76 euros fill 152 of 153 septets.
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 153 + "€" + "a" * 151, 2),
        # CR LF is two septets.
        ("\r\n" * 80, 1),
        ("\r\n" * 80 + "\n", 2),
        # One character outside makes all of them UCS-2. A small ç is outside, the capital one is not.
        ("Ç" * 160, 1),
        ("ç" * 70, 1),
        ("ç" * 71, 2),
        ("ç" * 134, 2),
        ("ç" * 135, 3),
        ("a" * 69 + "ç", 1),
        ("a" * 70 + "ç", 2),
        ("`" * 71, 2),
        ("a" * 70 + "\t", 2),
        # A pair of surrogates is two units, and never in two parts: 33 pairs fill 66 of 67.
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        ("ç" * 66 + "😀" + "ç" * 65, 2),
        ("ç" * 66 + "😀" + "ç" * 66, 3),
        # A joined emoji is as long as its characters; so is a combining mark.
        ("👩‍👩‍👧‍👦" * 6, 1),  # 11 units each
        ("👩‍👩‍👧‍👦" * 7, 2),
        ("e\u0301" * 35, 1),
        ("e\u0301" * 36, 2),
        ("é" * 160, 1),
    ],
)
def test_segments(text: str, expected: int) -> None:
    assert segments(text) == expected


def parts(text: str) -> int:
    """The parts of `text`, filled one after the other with what they would be sent as."""
    if all(char in CODES for char in text):
        units, single, room = [CODES[char] for char in text], 160, 153
    else:
        pieces = [char.encode("utf-16-be") for char in text]
        units, single, room = [piece[: len(piece) // 2] for piece in pieces], 70, 67
    if len(b"".join(units)) <= single:
        return 1
    filled = [b""]
    for unit in units:
        if len(filled[-1] + unit) > room:
            filled.append(b"")
        filled[-1] += unit
    return len(filled)


@given(st.text(st.sampled_from("a€\n\r[ç😀é\u0301\u200d"), max_size=400))
def test_every_text_is_counted_as_it_is_sent(text: str) -> None:
    assert segments(text) == parts(text)


def test_characters_that_a_provider_lacks_make_it_ucs2() -> None:
    assert segments("€" * 71, frozenset("€")) == 2
    assert segments("a" * 160, frozenset("€")) == 1


def test_a_message_with_media_counts_one() -> None:
    assert counted("a" * 1600, ("https://a.example/x.png",)) == 1
    assert counted("a" * 161, ()) == 2
