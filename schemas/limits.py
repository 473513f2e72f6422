"""What each provider takes of one message, as it publishes it.

Kept at the door: what the provider would refuse is not accepted first. docs/providers.md names the pages, and
what no page says.
"""

from dataclasses import dataclass
from typing import Final

from schemas.provider import Provider
from schemas.segments import segments


@dataclass(frozen=True)
class Limits:
    """One provider's limits; None where it publishes none."""

    #: Characters (code points) of a text without media.
    text: int | None
    #: Parts that an SMS may be sent in.
    parts: int | None
    #: Characters of the GSM alphabet that it sends as UCS-2 all the same, so that they make more parts.
    lacking: frozenset[str]
    #: Characters (code points) of the text beside media.
    caption: int | None
    #: Media of an MMS.
    media: int | None
    #: Characters of a medium's URL.
    url: int | None


LIMITS: Final[dict[Provider, Limits]] = {
    Provider.TWILIO: Limits(text=1600, parts=None, lacking=frozenset(), caption=1600, media=10, url=None),
    Provider.TELNYX: Limits(
        text=None,
        parts=10,
        # Its own GSM alphabet has neither the Greek capitals nor these.
        lacking=frozenset("ÇΔΦΓΛΩΠΨΣΘΞ¤§€\f"),
        caption=None,
        media=10,
        url=2000,
    ),
    Provider.VONAGE: Limits(text=3200, parts=None, lacking=frozenset(), caption=2000, media=None, url=None),
}


@dataclass(frozen=True)
class TextTooLong:
    """The text has `has` of `unit`, and the provider takes `most`."""

    unit: str
    has: int
    most: int


def text_too_long(provider: Provider, text: str, *, with_media: bool) -> TextTooLong | None:
    """What of the provider's limits `text` exceeds, None if nothing."""
    limits = LIMITS[provider]
    most = limits.caption if with_media else limits.text
    if most is not None and len(text) > most:
        return TextTooLong("characters", len(text), most)
    if with_media or limits.parts is None:
        return None
    parts = segments(text, limits.lacking)
    return TextTooLong("segments", parts, limits.parts) if parts > limits.parts else None
