"""Whether what was accepted may still be handed over, as the directory stands now: a pure decision.

The doors and `route` have judged it before; here only what can change while a message waits is judged again.
"""

from typing import Final
from weakref import WeakKeyDictionary

from directory.eligible import unregistered
from directory.snapshot import Directory
from schemas.directory import Active, Number, Registration
from schemas.facts import ClosedWhy
from schemas.tasks import Task

#: What is wrong with the sender alone: another number of the use case's pool may take the message over.
SENDER_ONLY: Final = frozenset(
    {
        ClosedWhy.SENDER_NOT_FOUND,
        ClosedWhy.SENDER_SUSPENDED,
        ClosedWhy.CAMPAIGN_NOT_VERIFIED,
        ClosedWhy.BRAND_SUSPENDED,
    }
)
#: Whether who sends what through whom may do so: judged once for each state of the directory.
_KNOWN: Final[WeakKeyDictionary[Directory, dict[tuple[object, ...], ClosedWhy | None]]] = WeakKeyDictionary()


def still(directory: Directory, task: Task) -> ClosedWhy | None:
    """Why `task` may not be handed over any more; None: it may.

    Sender and account are those that it was routed to. An answer to a text goes out from the number that was
    written to, whoever uses that.
    """
    known = _KNOWN.setdefault(directory, {})
    asked = (task.organization, task.use_case_id, task.sender, task.account, task.confirms)
    if asked not in known:
        known[asked] = _judged(directory, task)
    return known[asked]


def _judged(directory: Directory, task: Task) -> ClosedWhy | None:
    why: ClosedWhy | None = None
    if task.use_case_id is not None and not task.confirms:
        why = _use_case(directory, task, task.use_case_id)
    elif not task.confirms:
        why = _assistant(directory, task)
    return why or _sender(directory, task)


def _use_case(directory: Directory, task: Task, use_case_id: str) -> ClosedWhy | None:
    use_case = directory.use_case(use_case_id)
    if use_case is None or use_case.organization != task.organization:
        return ClosedWhy.USE_CASE_NOT_FOUND
    if use_case.status is not Active.ACTIVE:
        return ClosedWhy.USE_CASE_SUSPENDED
    return None if task.sender in use_case.numbers else ClosedWhy.SENDER_NOT_FOUND


def _assistant(directory: Directory, task: Task) -> ClosedWhy | None:
    assistant = directory.assistant_of(task.sender)
    if assistant is None or assistant.organization != task.organization:
        return ClosedWhy.SENDER_NOT_FOUND
    return None if assistant.status is Active.ACTIVE else ClosedWhy.ASSISTANT_SUSPENDED


def _sender(directory: Directory, task: Task) -> ClosedWhy | None:
    number = directory.number(task.sender)
    if number is None or number.organization != task.organization:
        return ClosedWhy.SENDER_NOT_FOUND
    account = directory.account(task.account)
    if account is None or not account.serves(task.organization):
        return ClosedWhy.SENDER_NOT_FOUND
    if Active.SUSPENDED in (number.status, account.status):
        return ClosedWhy.SENDER_SUSPENDED
    return _registration(directory, number, task)


def _registration(directory: Directory, number: Number, task: Task) -> ClosedWhy | None:
    if task.use_case_id is None:
        return suspended(number, directory)
    code = unregistered(number, directory)
    return None if code is None else ClosedWhy(code)


def suspended(number: Number, directory: Directory) -> ClosedWhy | None:
    """What of its registration keeps `number` from sending what names it.

    Nobody asks for a registration there; but what is suspended may not send.
    """
    campaign = directory.campaign(number.campaign) if number.campaign else None
    brand = directory.brand(campaign.brand) if campaign else None
    if brand is not None and brand.registration is Registration.SUSPENDED:
        return ClosedWhy.BRAND_SUSPENDED
    if campaign is not None and campaign.registration is Registration.SUSPENDED:
        return ClosedWhy.CAMPAIGN_NOT_VERIFIED
    return None
