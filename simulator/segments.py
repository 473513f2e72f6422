"""How many parts a text is sent in, by 3GPP TS 23.038 (alphabet) and 23.040 (concatenation)."""

from typing import Literal, NamedTuple

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")


class Segments(NamedTuple):
    """The encoding of a text, and how many parts it is sent in."""

    encoding: Literal["GSM-7", "UCS-2"]
    parts: int


def segments(text: str) -> Segments:
    """The parts of `text`; an empty one (a picture alone) is one part."""
    if _BASIC.issuperset(text):
        return Segments("GSM-7", _parts([1] * len(text), 160, 153))
    if all(c in _BASIC or c in _EXTENDED for c in text):
        return Segments("GSM-7", _parts([2 if c in _EXTENDED else 1 for c in text], 160, 153))
    return Segments("UCS-2", _parts([2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67))


def _parts(sizes: list[int], single: int, joined: int) -> int:
    """Parts for characters of these sizes; a character is never cut in two."""
    if sum(sizes) <= single:
        return 1
    parts, used = 1, 0
    for size in sizes:
        if used + size > joined:
            parts, used = parts + 1, 0
        used += size
    return parts
