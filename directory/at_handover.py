"""Whether what was accepted may still be handed over, as the directory stands now: a pure decision.

The doors and `route` have judged it before; here only what can change while a message waits is judged again.
"""

from typing import Final, NamedTuple

from directory.eligible import unregistered
from directory.once import once
from directory.senders import Against, account_of
from directory.snapshot import Directory
from schemas.directory import Active, Number, Registration
from schemas.facts import ClosedWhy
from schemas.tasks import Task

#: What is wrong with the sender alone, in words for operators: another number of the pool may take over.
SENDER_IS: Final = {
    ClosedWhy.SENDER_NOT_FOUND: "it is no number of the use case any more",
    ClosedWhy.SENDER_SUSPENDED: "it is suspended",
    ClosedWhy.ACCOUNT_UNAVAILABLE: "its account is not in use",
    ClosedWhy.CAMPAIGN_NOT_VERIFIED: "its campaign is not verified any more",
    ClosedWhy.BRAND_SUSPENDED: "its brand is suspended",
}


class _Way(NamedTuple):
    """All of a task that it is judged by: who sends, and through whom."""

    organization: str
    use_case_id: str | None
    sender: str
    confirms: bool


def forbidden(directory: Directory, task: Task) -> ClosedWhy | None:
    """Why `task` may not be handed over any more; None: it may.

    Its sender is judged with the account that it is on now, see `moved`. An answer to a text goes out from
    the number that was written to, whoever uses that.
    """
    way = _Way(task.organization, task.use_case_id, task.sender, task.confirms)
    return _judged(directory, way)


def moved(directory: Directory, task: Task) -> str | None:
    """The account that its number is on now, where `task` was routed to another one; else None."""
    number = directory.number(task.sender)
    return number.account if number is not None and number.account != task.account else None


@once
def _judged(directory: Directory, way: _Way) -> ClosedWhy | None:
    why: ClosedWhy | None = None
    if way.use_case_id is not None and not way.confirms:
        why = _use_case(directory, way, way.use_case_id)
    elif not way.confirms:
        why = _assistant(directory, way)
    return why or _sender(directory, way)


def _use_case(directory: Directory, way: _Way, use_case_id: str) -> ClosedWhy | None:
    use_case = directory.use_case(use_case_id)
    if use_case is None or use_case.organization != way.organization:
        return ClosedWhy.USE_CASE_NOT_FOUND
    if use_case.status is not Active.ACTIVE:
        return ClosedWhy.USE_CASE_SUSPENDED
    return None if way.sender in use_case.numbers else ClosedWhy.SENDER_NOT_FOUND


def _assistant(directory: Directory, way: _Way) -> ClosedWhy | None:
    assistant = directory.assistant_of(way.sender)
    if assistant is None or assistant.organization != way.organization:
        return ClosedWhy.SENDER_NOT_FOUND
    return None if assistant.status is Active.ACTIVE else ClosedWhy.ASSISTANT_SUSPENDED


def _sender(directory: Directory, way: _Way) -> ClosedWhy | None:
    number = directory.number(way.sender)
    if number is None or number.organization != way.organization:
        return ClosedWhy.SENDER_NOT_FOUND
    # Its own: what was routed through another one goes back to `route`.
    account = account_of(directory, number)
    return ClosedWhy(account) if isinstance(account, Against) else _registration(directory, number, way)


def _registration(directory: Directory, number: Number, way: _Way) -> ClosedWhy | None:
    if way.use_case_id is None:
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
