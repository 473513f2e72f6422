"""The one acceptance behind both doors: request and directory in, message or refusal out (docs/ingress.md).

Sentences are those that the public contract of `POST /sms/send` documents, where it has one (docs/errors.md).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from directory.snapshot import Directory
from ingress.codes import STATUS, Code
from schemas.directory import E164_PATTERN, Account, Active, Capability, Number
from schemas.messages import Content, Door, Lane, Message, Refusal
from schemas.provider import Provider
from schemas.requests import MAX_MEDIA, MAX_TEXT, SendRequest, fingerprint
from schemas.segments import segments
from schemas.settings import MessageSettings

_E164: Final = re.compile(E164_PATTERN)
_MEDIA_SCHEMES: Final = frozenset({"http", "https"})
_LONGEST_URL: Final = 2048


@dataclass(frozen=True)
class Accepted:
    """It may be sent: the record for `sms.messages.v1`, and the provider that the sender's account names."""

    message: Message
    provider: Provider


@dataclass(frozen=True)
class Denied:
    """It may not be sent, and why, in one sentence for the owner."""

    code: Code
    detail: str

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return STATUS[self.code]


def accept(
    request: SendRequest,
    organization: str,
    directory: Directory,
    *,
    door: Door,
    message_id: str,
    now: int,
    settings: MessageSettings,
) -> Accepted | Denied:
    """Whether `organization` may send `request`, and the message that it becomes.

    Args:
        request: what is asked for, of the right types.
        organization: who asks: by its key, or by the topic that the request came on.
        directory: who may send what, as of now.
        door: how it came in.
        message_id: the id that it gets, or has had if it comes again.
        now: when it was received, epoch milliseconds.
        settings: how long messages wait and are remembered.
    """
    denied = _malformed(request)
    if denied is not None:
        return denied
    account = _usable(request, organization, directory)
    if isinstance(account, Denied):
        return account
    message = Message(
        message_id=message_id,
        organization=organization,
        door=door,
        lane=Lane.QUEUED if request.queue else Lane.IMMEDIATE,
        valid_until=now + settings.validity_seconds * 1000,
        forget_at=forget_at(now, settings),
        can_repeat=can_repeat(request, door),
        content=content(request, now),
    )
    return Accepted(message, account.provider)


def refusal(
    denied: Denied,
    request: SendRequest,
    organization: str,
    *,
    door: Door,
    message_id: str,
    now: int,
    settings: MessageSettings,
) -> Refusal:
    """What intake hands on of a request that it cannot accept; arguments as for `accept`."""
    return Refusal(
        message_id=message_id,
        organization=organization,
        door=door,
        forget_at=forget_at(now, settings),
        can_repeat=can_repeat(request, door),
        content=content(request, now),
        code=denied.code,
        detail=denied.detail,
    )


def content(request: SendRequest, now: int) -> Content:
    """What is asked for, unchanged."""
    return Content(
        from_number=request.from_phone_number,
        to_number=request.to_phone_number,
        text=request.message,
        media=request.media_urls or (),
        segments=segments(request.message),
        reference=request.reference,
        fingerprint=fingerprint(request),
        accepted_at=now,
    )


def forget_at(now: int, settings: MessageSettings) -> int:
    """When every store forgets a message that was received at `now`."""
    return now + settings.lifetime_seconds * 1000


def can_repeat(request: SendRequest, door: Door) -> bool:
    """Whether the same id can come again: by its key, or because a record is read twice."""
    return door is Door.KAFKA or request.idempotency_key is not None


def _malformed(request: SendRequest) -> Denied | None:
    """What is wrong with the request whatever the directory says."""
    return (
        _malformed_number(request) or _malformed_text(request) or _malformed_media(request.media_urls or ())
    )


def _malformed_number(request: SendRequest) -> Denied | None:
    if not _E164.fullmatch(request.from_phone_number):
        return Denied(Code.INVALID_SENDER, _not_e164("from_phone_number"))
    if not _E164.fullmatch(request.to_phone_number):
        return Denied(Code.INVALID_RECIPIENT, _not_e164("to_phone_number"))
    return None


def _malformed_text(request: SendRequest) -> Denied | None:
    if not request.message.strip():
        return Denied(Code.EMPTY_MESSAGE, "Message content cannot be empty")
    if len(request.message) > MAX_TEXT:
        return Denied(Code.MESSAGE_TOO_LONG, f"Message exceeds {MAX_TEXT} characters")
    if "\0" in request.message:
        return Denied(Code.NUL_IN_MESSAGE, "Message content cannot hold the NUL character")
    if request.idempotency_key is not None and not request.idempotency_key.strip():
        return Denied(Code.INVALID_IDEMPOTENCY_KEY, "Invalid idempotency_key: it is empty")
    return None


def _not_e164(field: str) -> str:
    return f"Invalid {field} format. Use E.164 format (e.g., +1234567890)"


def _malformed_media(urls: Sequence[str]) -> Denied | None:
    if len(urls) > MAX_MEDIA:
        return Denied(Code.TOO_MANY_MEDIA, f"Invalid media_urls: at most {MAX_MEDIA} are taken")
    for place, url in enumerate(urls):
        if not _is_web_address(url):
            return Denied(
                Code.INVALID_MEDIA_URL, f"Invalid media_urls: number {place + 1} is no http or https URL"
            )
    return None


def _is_web_address(url: str) -> bool:
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in _MEDIA_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _usable(request: SendRequest, organization: str, directory: Directory) -> Account | Denied:
    """The account that the request would go out through."""
    sender = request.from_phone_number
    number = directory.number(sender)
    if number is not None and number.organization != organization:
        return Denied(Code.WRONG_ORGANIZATION, "Unauthorized: phone number belongs to different organization")
    assistant = directory.assistant_of(sender)
    if number is None or assistant is None or assistant.organization != organization:
        return Denied(Code.SENDER_NOT_FOUND, f"No assistant found for phone number {sender}")
    if assistant.status is not Active.ACTIVE:
        return Denied(Code.ASSISTANT_SUSPENDED, f"Assistant {assistant.name} is suspended")
    if number.status is not Active.ACTIVE:
        return Denied(Code.SENDER_SUSPENDED, f"Phone number {sender} is suspended")
    return _incapable(request, number) or _account(number, directory)


def _incapable(request: SendRequest, number: Number) -> Denied | None:
    if request.media_urls and Capability.MMS not in number.capabilities:
        return Denied(Code.MEDIA_NOT_SUPPORTED, f"Phone number {number.id} cannot send media")
    if not request.media_urls and Capability.SMS not in number.capabilities:
        return Denied(Code.SMS_NOT_SUPPORTED, f"Phone number {number.id} cannot send SMS")
    return None


def _account(number: Number, directory: Directory) -> Account | Denied:
    account = directory.account(number.account)
    if account is None or account.status is not Active.ACTIVE or not account.serves(number.organization):
        return Denied(Code.ACCOUNT_UNAVAILABLE, f"The account of phone number {number.id} is not in use")
    return account
