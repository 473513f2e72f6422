"""What of a request can be judged by itself, and by what its provider takes: sentences for its owner.

Sentences are those that the public contract of `POST /sms/send` documents, where it has one (docs/errors.md).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from ingress.codes import STATUS, Code
from ingress.media import Flaw, flaw
from schemas.base import Millis
from schemas.directory import E164_PATTERN
from schemas.limits import LIMITS, text_too_long
from schemas.provider import Provider
from schemas.requests import MAX_AHEAD, MAX_MEDIA, MAX_TEXT, SendRequest

_E164: Final = re.compile(E164_PATTERN)


@dataclass(frozen=True)
class Denied:
    """It may not be sent, and why, in one sentence for the owner."""

    code: Code
    detail: str

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return STATUS[self.code]


class Malformed(Denied):
    """So it is whatever the directory says: its like was never taken, and cannot have used a key."""


def is_e164(number: str) -> bool:
    """Whether it is written as a number is: plus, country code, digits."""
    return _E164.fullmatch(number) is not None


def malformed(request: SendRequest, now: Millis) -> Malformed | None:
    """What is wrong with the request, whatever the directory says, at `now`."""
    return (
        _malformed_number(request)
        or _malformed_text(request)
        or _malformed_media(request.media_urls or ())
        or _malformed_time(request.send_at, now)
    )


def _malformed_number(request: SendRequest) -> Malformed | None:
    sender = request.from_phone_number
    if sender is not None and not is_e164(sender):
        return Malformed(Code.INVALID_SENDER, _not_e164("from_phone_number"))
    if not is_e164(request.to_phone_number):
        return Malformed(Code.INVALID_RECIPIENT, _not_e164("to_phone_number"))
    return None


def _malformed_text(request: SendRequest) -> Malformed | None:
    if not request.message.strip():
        return Malformed(Code.EMPTY_MESSAGE, "Message content cannot be empty")
    if len(request.message) > MAX_TEXT:
        return Malformed(Code.MESSAGE_TOO_LONG, f"Message exceeds {MAX_TEXT} characters")
    if "\0" in request.message:
        return Malformed(Code.NUL_IN_MESSAGE, "Message content cannot hold the NUL character")
    if request.idempotency_key is not None and not request.idempotency_key.strip():
        return Malformed(Code.INVALID_IDEMPOTENCY_KEY, "Invalid idempotency_key: it is empty")
    return None


def _malformed_time(send_at: datetime | None, now: Millis) -> Malformed | None:
    if send_at is not None and send_at.timestamp() * 1000 > now + MAX_AHEAD * 1000:
        return Malformed(
            Code.INVALID_FIELD, f"Invalid send_at: it is more than {MAX_AHEAD // 3600} hours ahead"
        )
    return None


def _not_e164(field: str) -> str:
    return f"Invalid {field} format. Use E.164 format (e.g., +1234567890)"


def _malformed_media(urls: Sequence[str]) -> Malformed | None:
    if len(urls) > MAX_MEDIA:
        return Malformed(Code.TOO_MANY_MEDIA, f"Invalid media_urls: at most {MAX_MEDIA} are taken")
    for place, url in enumerate(urls, start=1):
        match flaw(url):
            case None:
                continue
            case Flaw.MALFORMED:
                return Malformed(
                    Code.INVALID_MEDIA_URL, f"Invalid media_urls: number {place} is no http or https URL"
                )
            case Flaw.PRIVATE:
                return Malformed(
                    Code.PRIVATE_MEDIA_URL, f"Invalid media_urls: number {place} is not at a public address"
                )
            case never:
                assert_never(never)
    return None


def beyond(provider: Provider, request: SendRequest) -> Denied | None:
    """What the request has that its provider does not take."""
    media, limits = request.media_urls or (), LIMITS[provider]
    too_long = text_too_long(provider, request.message, with_media=bool(media))
    if too_long is not None:
        return Denied(
            Code.TEXT_TOO_LONG_FOR_PROVIDER,
            f"Invalid message: it has {too_long.has} {too_long.unit}, and {provider} takes {too_long.most}",
        )
    if limits.media is not None and len(media) > limits.media:
        return Denied(
            Code.TOO_MANY_MEDIA,
            f"Invalid media_urls: there are {len(media)}, and {provider} takes {limits.media}",
        )
    for place, url in enumerate(media, start=1):
        if limits.url is not None and len(url) > limits.url:
            return Denied(
                Code.INVALID_MEDIA_URL,
                f"Invalid media_urls: number {place} has {len(url)} characters, "
                f"and {provider} takes {limits.url}",
            )
    return None
