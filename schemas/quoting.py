"""Sentences of others that may quote a text: providers say why they refused it in their own words."""

from collections.abc import Iterable
from typing import Final

#: So much of a text tells of it; what is shorter is in half of all sentences.
_LEAST: Final = 8
_SHORTEST: Final = 4
_INSTEAD: Final = "[...]"


def unquoted(sentence: str, text: str, media: Iterable[str] = ()) -> str:
    """`sentence` without the text, the beginning of it, or an address of its media."""
    for quoted in (*media, text):
        head = quoted.strip()[:_LEAST]
        if len(head) >= _SHORTEST:
            sentence = _without(sentence, quoted.strip(), head)
    return sentence


def _without(sentence: str, quoted: str, head: str) -> str:
    found = sentence.find(head)
    while found >= 0:
        length = len(head)
        while sentence[found : found + length + 1] == quoted[: length + 1] and length < len(quoted):
            length += 1
        sentence = sentence[:found] + _INSTEAD + sentence[found + length :]
        found = sentence.find(head, found + len(_INSTEAD))
    return sentence
