"""The one acceptance behind both doors: request and directory in, message or refusal out (docs/ingress.md).

Sentences are those that the public contract of `POST /sms/send` documents, where it has one (docs/errors.md).
"""

from dataclasses import dataclass
from typing import Final

from directory import quiet
from directory.snapshot import Directory
from ingress.checks import Denied, Malformed, beyond, malformed
from ingress.codes import Code
from ingress.permission import UNASKED, Recipient, account_of, unsendable
from schemas.base import Millis
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message, Refusal
from schemas.provider import Provider
from schemas.requests import SendRequest, fingerprint
from schemas.sealing import seal
from schemas.segments import counted
from schemas.settings import MessageSettings

__all__ = ["Accepted", "Denied", "accept", "can_repeat", "content", "forget_at", "redacted", "refusal"]

#: A message is remembered for this long after it could last have been handed over, in milliseconds.
_REMEMBERED_MS: Final = 3_600_000


@dataclass(frozen=True)
class Accepted:
    """It may be sent: the record for `sms.messages.v1`."""

    message: Message

    @property
    def provider(self) -> Provider | None:
        """The one that its sender's account names; None where `route` chooses the sender."""
        return self.message.provider


def accept(
    request: SendRequest,
    organization: str,
    directory: Directory,
    *,
    recipient: Recipient = UNASKED,
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
        recipient: what the ledger knows of the recipient; only of a send through a use case.
        door: how it came in.
        message_id: the id that it gets, or has had if it comes again.
        now: when it was received, epoch milliseconds.
        settings: how long messages wait and are remembered.
    """
    flawed = malformed(request, now) or _unanswerable(request, door)
    if flawed is not None:
        return flawed
    provider = _provider(request, organization, directory, recipient)
    if isinstance(provider, Denied):
        return provider
    asked = redacted(content(request, now), organization, directory, message_id, settings)
    begins = _quiet_until(request, organization, directory, asked.send_at or now)
    valid_until = begins + 1000 * _validity_seconds(request, organization, directory, settings)
    message = Message(
        message_id=message_id,
        organization=organization,
        door=door,
        lane=Lane.QUEUED if request.queue else Lane.IMMEDIATE,
        provider=provider,
        valid_until=valid_until,
        forget_at=max(forget_at(begins, settings), valid_until + _REMEMBERED_MS),
        can_repeat=can_repeat(request, door),
        content=asked if begins == now else asked.model_copy(update={"send_at": begins}),
    )
    return Accepted(message)


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


def redacted(
    asked: Content, organization: str, directory: Directory, message_id: str, settings: MessageSettings
) -> Content:
    """`asked` as its owner wants it told: as it is, or without its text."""
    if not directory.redacts(organization):
        return asked
    sealed = seal(settings.fingerprint_secrets[0], message_id, asked.fingerprint)
    return asked.model_copy(update={"redact": True, "sealed": sealed})


def forget_at(begins: int, settings: MessageSettings) -> int:
    """When every store forgets a message that may be sent from `begins` on, unless it may be for longer."""
    return begins + settings.lifetime_seconds * 1000


def can_repeat(request: SendRequest, door: Door) -> bool:
    """Whether the same id can come again: by its key, or because a record is read twice."""
    return door is Door.KAFKA or request.idempotency_key is not None


def _unanswerable(request: SendRequest, door: Door) -> Malformed | None:
    if request.dry_run and door is Door.KAFKA:
        return Malformed(Code.INVALID_FIELD, "Invalid dry_run: a topic cannot answer. Ask over REST")
    return None


def _provider(
    request: SendRequest, organization: str, directory: Directory, recipient: Recipient
) -> Provider | Denied | None:
    """The provider, where that is certain already, or what stands in the way."""
    if request.use_case_id is not None:
        return unsendable(request, str(request.use_case_id), organization, directory, recipient)
    account = account_of(request, organization, directory)
    if isinstance(account, Denied):
        return account
    return beyond(account.provider, request) or account.provider


def _quiet_until(request: SendRequest, organization: str, directory: Directory, begins: Millis) -> Millis:
    """`begins`, or the end of the quiet hours that it is in."""
    use_case_id = None if request.use_case_id is None else str(request.use_case_id)
    until = quiet.until(directory, organization, use_case_id, request.to_phone_number, begins)
    return begins if until is None else until


def _validity_seconds(
    request: SendRequest, organization: str, directory: Directory, settings: MessageSettings
) -> int:
    """How long it may wait: as it says itself, else as its use case or organization does, else as all do."""
    if request.valid_for is not None:
        return request.valid_for
    owner = (
        directory.organization(organization)
        if request.use_case_id is None
        else directory.use_case(str(request.use_case_id))
    )
    if owner is not None and owner.validity_seconds is not None:
        return owner.validity_seconds
    return settings.validity_seconds
