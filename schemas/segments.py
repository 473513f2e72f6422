"""How many segments a text costs: GSM 03.38 septets or UCS-2 units, concatenation headers counted.

3GPP TS 23.038 §6.2.1 gives the alphabet and its extension, TS 23.040 §9.2.3.24 the six-byte header that
leaves 153 septets or 67 units of each part. An escape and the septet after it are never in two parts
(§9.2.3.24.1); nor, here, the two units of a surrogate pair, which would be garbage if a part were lost.
CR and LF are characters of the alphabet: a CR LF costs two septets.
"""

from enum import StrEnum
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")  # an escape and a septet each
_GSM7: Final = _BASIC | _EXTENDED


class Encoding(StrEnum):
    """The alphabet a text needs."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


def encoding(text: str, lacking: frozenset[str] = frozenset()) -> Encoding:
    """GSM 7-bit where every character has a place there, else UCS-2.

    `lacking`: characters of the alphabet that a provider nevertheless sends as UCS-2.
    """
    return Encoding.GSM7 if _GSM7.issuperset(text) and lacking.isdisjoint(text) else Encoding.UCS2


def segments(text: str, lacking: frozenset[str] = frozenset()) -> int:
    """The number of SMS segments that carriers count for `text`; `lacking` as for `encoding`."""
    if encoding(text, lacking) is Encoding.GSM7:
        sizes = [2 if char in _EXTENDED else 1 for char in text]
        single, part = 160, 153
    else:
        sizes = [2 if ord(char) > 0xFFFF else 1 for char in text]
        single, part = 70, 67
    if sum(sizes) <= single:
        return 1
    return _parts(sizes, part)


def counted(text: str, media: tuple[str, ...]) -> int:
    """What a message counts: its text's segments; with media it is one MMS, however long the text."""
    return 1 if media else segments(text)


def _parts(sizes: list[int], room: int) -> int:
    """How many parts hold `sizes` in order, no character torn (an escape or a surrogate pair)."""
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count
