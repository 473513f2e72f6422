"""How many segments a text costs: GSM 03.38 septets or UCS-2 units, concatenation headers counted.

3GPP TS 23.038 §6.2.1 gives the alphabet, TS 23.040 §9.2.3.24 the six-byte header that leaves 153 septets
or 67 units of each part.
"""

from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a septet each


class Encoding(StrEnum):
    """The alphabet a text needs."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


def encoding(text: str) -> Encoding:
    """GSM 7-bit where every character has a place there, else UCS-2."""
    return Encoding.GSM7 if _BASIC.union(_EXTENDED).issuperset(text) else Encoding.UCS2


def segments(text: str) -> int:
    """The number of SMS segments that carriers count for `text`; an empty text (a picture alone) is 1."""
    if encoding(text) is Encoding.GSM7:
        sizes = [2 if char in _EXTENDED else 1 for char in text]
        single, part = 160, 153
    else:
        sizes = [2 if ord(char) > 0xFFFF else 1 for char in text]
        single, part = 70, 67
    if sum(sizes) <= single:
        return 1
    return _parts(sizes, part)


def _parts(sizes: list[int], room: int) -> int:
    """How many parts hold `sizes` in order, no character torn (an escape or a surrogate pair)."""
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count
