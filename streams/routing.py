"""Which sender and account a message goes out through: a pure decision that gives its reason in words.

From a number: the number names the provider account, and its assistant answers for it. Acceptance has
judged the request; what is judged again here is what may have changed since then.
"""

from dataclasses import dataclass
from typing import Protocol

from schemas.directory import Account, Active, Assistant, Number, Organization
from schemas.messages import Message
from schemas.refusals import ACCOUNT_UNAVAILABLE, ASSISTANT_SUSPENDED, SENDER_NOT_FOUND, SENDER_SUSPENDED
from schemas.tasks import OnUnknown, Task


class Senders(Protocol):
    """What routing asks of the directory."""

    def number(self, e164: str, /) -> Number | None: ...  # noqa: D102  # see directory.Directory
    def assistant_of(self, e164: str, /) -> Assistant | None: ...  # noqa: D102  # likewise
    def account(self, account: str, /) -> Account | None: ...  # noqa: D102  # likewise
    def organization(self, slug: str, /) -> Organization | None: ...  # noqa: D102  # likewise


@dataclass(frozen=True, slots=True)
class Chosen:
    """The task for the dispatchers, and which rule chose its sender."""

    task: Task
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it cannot go out: a stable code, and a sentence for its owner."""

    code: str
    detail: str


def route(message: Message, senders: Senders) -> Chosen | Refused:
    """The way of `message` as the directory stands now."""
    owner = _owner(message, senders)
    if isinstance(owner, Refused):
        return owner
    account = _account(message, senders)
    if isinstance(account, Refused):
        return account
    sender = message.content.from_number
    reason = f"from number: {sender} of assistant {owner.id} sends through account {account.id}"
    return Chosen(_task(message, account, _on_unknown(message, senders)), reason)


def _owner(message: Message, senders: Senders) -> Assistant | Refused:
    """The assistant that answers for the sender."""
    organization, sender = message.organization, message.content.from_number or ""
    assistant = senders.assistant_of(sender)
    if assistant is None or assistant.organization != organization:
        return Refused(SENDER_NOT_FOUND, f"No assistant of {organization} owns {sender} any more.")
    if assistant.status is not Active.ACTIVE:
        return Refused(
            ASSISTANT_SUSPENDED, f"The assistant {assistant.id}, which owns {sender}, is suspended."
        )
    return assistant


def _account(message: Message, senders: Senders) -> Account | Refused:
    """The account that the sender's number names."""
    organization, sender = message.organization, message.content.from_number or ""
    number = senders.number(sender)
    if number is None or number.organization != organization:
        return Refused(SENDER_NOT_FOUND, f"{sender} is not a number of {organization} any more.")
    if number.status is not Active.ACTIVE:
        return Refused(SENDER_SUSPENDED, f"The number {sender} is suspended.")
    account = senders.account(number.account)
    if account is None or not account.serves(organization):
        return Refused(
            ACCOUNT_UNAVAILABLE, f"The account {number.account} of {sender} is not there any more."
        )
    if account.status is not Active.ACTIVE:
        return Refused(ACCOUNT_UNAVAILABLE, f"The account {account.id} of {sender} is suspended.")
    return account


def _on_unknown(message: Message, senders: Senders) -> OnUnknown:
    """Its owner's policy, as it stands when the message is routed."""
    defaults = senders.organization(message.organization)
    return defaults.on_unknown or OnUnknown.HOLD if defaults else OnUnknown.HOLD


def _task(message: Message, account: Account, on_unknown: OnUnknown) -> Task:
    content = message.content
    return Task(
        message_id=message.message_id,
        organization=message.organization,
        lane=message.lane,
        provider=account.provider,
        account=account.id,
        sender=content.from_number or "",
        to_number=content.to_number,
        text=content.text,
        media=content.media,
        segments=content.segments,
        valid_until=message.valid_until,
        forget_at=message.forget_at,
        on_unknown=on_unknown,
    )
