"""MMS in the words of Vonage's Messages API, which wants the kind of each medium named."""

from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from vonage_messages.models import (
    BaseMessage,
    MmsAudio,
    MmsContent,
    MmsContentItemAudio,
    MmsContentItemFile,
    MmsContentItemImage,
    MmsContentItemVcard,
    MmsContentItemVideo,
    MmsFile,
    MmsImage,
    MmsResource,
    MmsVcard,
    MmsVideo,
)

#: Kinds by the ending of a URL's path, as Vonage lists what it takes.
_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".webp"), "image"),
    **dict.fromkeys((".mp3", ".wav", ".amr", ".aac", ".m4a", ".ogg"), "audio"),
    **dict.fromkeys((".mp4", ".mov", ".3gp", ".mpeg", ".webm"), "video"),
    **dict.fromkeys((".vcf",), "vcard"),
    **dict.fromkeys((".pdf", ".txt", ".csv", ".doc", ".docx", ".ics", ".zip"), "file"),
}
_SINGLE: Final = {
    "image": MmsImage,
    "audio": MmsAudio,
    "video": MmsVideo,
    "vcard": MmsVcard,
    "file": MmsFile,
}
_ITEMS: Final = {
    "image": MmsContentItemImage,
    "audio": MmsContentItemAudio,
    "video": MmsContentItemVideo,
    "vcard": MmsContentItemVcard,
    "file": MmsContentItemFile,
}


def kind(url: str) -> str:
    """What a medium is, by its URL. One without an ending that we know is taken for a picture."""
    return _KINDS.get(PurePosixPath(urlsplit(url).path).suffix.lower(), "image")


def mms(media: tuple[str, ...], text: str, **common: Any) -> BaseMessage:
    """One message with all `media`; the text is the caption of the first."""
    first, *others = media
    caption = text or None
    if not others:
        name = kind(first)
        return _SINGLE[name](**{name: MmsResource(url=first, caption=caption)}, **common)
    items = [_ITEMS[kind(first)](url=first, caption=caption)]
    items += [_ITEMS[kind(url)](url=url) for url in others]
    return MmsContent(content=items, **common)
