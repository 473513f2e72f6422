"""The one acceptance behind both doors: request and directory in, message or refusal out (docs/ingress.md).

Sentences are those that the public contract of `POST /sms/send` documents, where it has one (docs/errors.md).
"""

from dataclasses import dataclass
from typing import Final

from directory.snapshot import Directory
from ingress.checks import Denied, beyond, malformed
from ingress.codes import Code
from schemas.directory import Account, Active, Capability, Number
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message, Refusal
from schemas.provider import Provider
from schemas.requests import SendRequest, fingerprint
from schemas.segments import counted
from schemas.settings import MessageSettings

__all__ = ["Accepted", "Denied", "accept", "can_repeat", "content", "forget_at", "refusal"]

#: A message is remembered for this long after it could last have been handed over, in milliseconds.
_REMEMBERED_MS: Final = 3_600_000


@dataclass(frozen=True)
class Accepted:
    """It may be sent: the record for `sms.messages.v1`, and the provider that its sender's account names."""

    message: Message
    provider: Provider


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
    denied: Denied | None = malformed(request, now)
    if denied is not None:
        return denied
    account = _usable(request, organization, directory)
    if isinstance(account, Denied):
        return account
    denied = beyond(account.provider, request)
    if denied is not None:
        return denied
    asked = content(request, now)
    begins = asked.send_at or now
    valid_until = begins + 1000 * _validity_seconds(request, organization, directory, settings)
    message = Message(
        message_id=message_id,
        organization=organization,
        door=door,
        lane=Lane.QUEUED if request.queue else Lane.IMMEDIATE,
        provider=account.provider,
        valid_until=valid_until,
        forget_at=max(forget_at(begins, settings), valid_until + _REMEMBERED_MS),
        can_repeat=can_repeat(request, door),
        content=asked,
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
    """What is asked for, unchanged; a moment that has passed is now."""
    send_at = None if request.send_at is None else round(request.send_at.timestamp() * 1000)
    return Content(
        from_number=request.from_phone_number,
        use_case_id=None if request.use_case_id is None else str(request.use_case_id),
        to_number=request.to_phone_number,
        text=request.message,
        media=request.media_urls or (),
        segments=counted(request.message, request.media_urls or ()),
        reference=request.reference,
        fingerprint=fingerprint(request),
        accepted_at=now,
        send_at=send_at if send_at is not None and send_at > now else None,
    )


def forget_at(now: int, settings: MessageSettings) -> int:
    """When every store forgets a message that was received at `now`, unless it may be sent for longer."""
    return now + settings.lifetime_seconds * 1000


def _validity_seconds(
    request: SendRequest, organization: str, directory: Directory, settings: MessageSettings
) -> int:
    """How long it may wait: as it says itself, else as its organization does, else as all do."""
    if request.valid_for is not None:
        return request.valid_for
    defaults = directory.organization(organization)
    if defaults is not None and defaults.validity_seconds is not None:
        return defaults.validity_seconds
    return settings.validity_seconds


def can_repeat(request: SendRequest, door: Door) -> bool:
    """Whether the same id can come again: by its key, or because a record is read twice."""
    return door is Door.KAFKA or request.idempotency_key is not None


def _usable(request: SendRequest, organization: str, directory: Directory) -> Account | Denied:
    """The account that the request would go out through."""
    sender = request.from_phone_number or ""
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
