"""Whether an organization may send a request, by the directory and what is known of its recipient: pure."""

from dataclasses import dataclass
from typing import Final

from directory import senders
from directory.pool import Parcel, able_to_send
from directory.senders import Against
from directory.snapshot import Directory
from ingress.checks import Denied
from ingress.codes import Code
from schemas.directory import Account, Active, Capability, Number
from schemas.refusals import Refused
from schemas.requests import SendRequest
from schemas.segments import counted


@dataclass(frozen=True, slots=True)
class Recipient:
    """What the ledger knows of the recipient of a send through a use case."""

    #: In one of the message's scopes.
    opted_out: bool = False
    #: A provider has said so, not long ago.
    landline: bool = False


#: Of whom nothing is known.
UNASKED: Final = Recipient()


def account_of(request: SendRequest, organization: str, directory: Directory) -> Account | Denied:
    """The account that a request which names its sender would go out through, or why it may not."""
    sender = request.from_phone_number or ""
    number = directory.number(sender)
    if number is not None and number.organization != organization:
        return Denied(Code.WRONG_ORGANIZATION, "Unauthorized: phone number belongs to different organization")
    assistant = directory.assistant_of(sender)
    if number is None or assistant is None or assistant.organization != organization:
        return Denied(Code.SENDER_NOT_FOUND, f"No assistant found for phone number {sender}")
    if assistant.status is not Active.ACTIVE:
        return Denied(Code.ASSISTANT_SUSPENDED, f"Assistant {assistant.name} is suspended")
    account = senders.account_of(directory, number)
    if account is Against.SUSPENDED:
        return Denied(Code.SENDER_SUSPENDED, f"Phone number {sender} is suspended")
    incapable = _incapable(request, number)
    if account is Against.ACCOUNT:
        return incapable or Denied(
            Code.ACCOUNT_UNAVAILABLE, f"The account of phone number {number.id} is not in use"
        )
    return incapable or account


def unsendable(
    request: SendRequest, use_case_id: str, organization: str, directory: Directory, recipient: Recipient
) -> Denied | None:
    """Why a request may not go out through its use case; None: it may."""
    found = able_to_send(directory, organization, use_case_id, parcel(request))
    if isinstance(found, Refused):
        return Denied(Code(found.code), found.detail)
    to_number = request.to_phone_number
    if recipient.landline:
        return Denied(
            Code.LANDLINE, f"Invalid destination phone number: {to_number} is a landline, says its carrier."
        )
    return opted_out(request) if recipient.opted_out else None


def opted_out(request: SendRequest) -> Denied:
    """Its recipient does not want it."""
    return Denied(Code.OPTED_OUT, f"{request.to_phone_number} has opted out of receiving messages.")


def parcel(request: SendRequest) -> Parcel:
    """What is to be sent, as the choice of a sender sees it."""
    media = request.media_urls or ()
    return Parcel(request.to_phone_number, request.message, media, counted(request.message, media))


def _incapable(request: SendRequest, number: Number) -> Denied | None:
    if request.media_urls and Capability.MMS not in number.capabilities:
        return Denied(Code.MEDIA_NOT_SUPPORTED, f"Phone number {number.id} cannot send media")
    if not request.media_urls and Capability.SMS not in number.capabilities:
        return Denied(Code.SMS_NOT_SUPPORTED, f"Phone number {number.id} cannot send SMS")
    return None
