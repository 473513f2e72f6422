"""Which sender and account a message goes out through: a pure decision that gives its reason in words.

From a number: the number names the provider account, and its assistant answers for it. From a use case: one
of its pool (`directory.pool`). Acceptance has judged the request; what is judged again here is what may have
changed since then.
"""

from dataclasses import dataclass

from directory.pool import Choice, Parcel, Standing, choose
from directory.senders import Against, account_of
from directory.snapshot import Directory
from schemas.directory import Account, Active
from schemas.messages import Message
from schemas.refusals import (
    ASSISTANT_SUSPENDED,
    SENDER_NOT_FOUND,
    Refused,
)
from schemas.tasks import OnUnknown, Task


@dataclass(frozen=True, slots=True)
class Chosen:
    """The task for the dispatchers, and which rule chose its sender."""

    task: Task
    reason: str


def route(
    message: Message,
    directory: Directory,
    *,
    sticky: str | None,
    standing: Standing,
) -> Chosen | Refused:
    """The way of `message` as the directory stands now.

    Args:
        message: what was accepted.
        directory: who may send what.
        sticky: the number that its recipient last saw from its use case, if any is known.
        standing: what stands against senders now, and will pass.
    """
    if message.content.from_number is None:
        return _from_pool(message, directory, sticky, standing)
    return _from_number(message, message.content.from_number, directory)


def _from_pool(
    message: Message, directory: Directory, sticky: str | None, standing: Standing
) -> Chosen | Refused:
    content, use_case_id = message.content, message.content.use_case_id or ""
    choice = choose(
        directory,
        message.organization,
        use_case_id,
        Parcel(content.to_number, content.text, content.media, content.segments),
        sticky=sticky,
        standing=standing,
    )
    if isinstance(choice, Refused):
        return choice
    task = _task(message, choice.number.id, choice.account, _on_unknown(message, directory))
    return Chosen(task, said(choice))


def said(choice: Choice) -> str:
    """Which rule chose which sender, in words for operators."""
    return f"{choice.reason}: {choice.number.id} sends through account {choice.account.id}"


def _from_number(message: Message, sender: str, directory: Directory) -> Chosen | Refused:
    owner = _owner(message, sender, directory)
    if isinstance(owner, Refused):
        return owner
    account = _account(message, sender, directory)
    if isinstance(account, Refused):
        return account
    reason = f"from number: {sender} of {owner} sends through account {account.id}"
    return Chosen(_task(message, sender, account, _on_unknown(message, directory)), reason)


def _owner(message: Message, sender: str, directory: Directory) -> str | Refused:
    """What answers for the sender: its assistant; for an answer to a text the organization."""
    organization = message.organization
    if message.confirms:
        # An answer comes from the number that was written to, whatever has become of those who own it.
        return organization
    assistant = directory.assistant_of(sender)
    if assistant is None or assistant.organization != organization:
        return Refused(SENDER_NOT_FOUND, f"No assistant of {organization} owns {sender} any more.")
    if assistant.status is not Active.ACTIVE:
        return Refused(
            ASSISTANT_SUSPENDED, f"The assistant {assistant.id}, which owns {sender}, is suspended."
        )
    return f"assistant {assistant.id}"


def _account(message: Message, sender: str, directory: Directory) -> Account | Refused:
    """The account that the sender's number names."""
    organization = message.organization
    number = directory.number(sender)
    if number is None or number.organization != organization:
        return Refused(SENDER_NOT_FOUND, f"{sender} is not a number of {organization} any more.")
    match account_of(directory, number):
        case Against.SUSPENDED as against:
            return Refused(against.value, f"The number {sender} is suspended.")
        case Against.ACCOUNT as against:
            return Refused(against.value, f"The account {number.account} of {sender} is not in use.")
        case Account() as account:
            return account


def _on_unknown(message: Message, directory: Directory) -> OnUnknown:
    """Its owner's policy, as it stands when the message is routed."""
    use_case = directory.use_case(message.content.use_case_id or "")
    if use_case is not None:
        return use_case.on_unknown
    defaults = directory.organization(message.organization)
    return defaults.on_unknown or OnUnknown.HOLD if defaults else OnUnknown.HOLD


def _task(message: Message, sender: str, account: Account, on_unknown: OnUnknown) -> Task:
    content = message.content
    return Task(
        message_id=message.message_id,
        organization=message.organization,
        lane=message.lane,
        provider=account.provider,
        account=account.id,
        sender=sender,
        use_case_id=content.use_case_id,
        to_number=content.to_number,
        text=content.text,
        media=content.media,
        segments=content.segments,
        not_before=content.send_at or 0,
        accepted_at=content.accepted_at,
        valid_until=message.valid_until,
        forget_at=message.forget_at,
        on_unknown=on_unknown,
        confirms=message.confirms,
        heeds_optouts=message.heeds_optouts,
    )
