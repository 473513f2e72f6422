"""What a hand-over counts against: its number, account, campaign and brand, and its account's breaker.

The names are those by which the ledger knows them; whoever is told to wait is told for which.
"""

from directory import caps
from directory.snapshot import Directory
from ledger.claims import Pace
from ledger.days import rests_on
from schemas.codes import too_fast
from schemas.tasks import Task


def number_pace(sender: str) -> str:
    """What the pace of a number is called."""
    return f"number:{sender}"


def account_pace(account: str) -> str:
    """What the pace of an account is called."""
    return f"account:{account}"


def campaign_pace(campaign: str) -> str:
    """What the pace of a campaign is called."""
    return f"campaign:{campaign}"


def breaker(account: str) -> str:
    """What the breaker of an account is called."""
    return f"breaker:{account}"


def throttled(task: Task, code: str) -> str:
    """The name of the pace that a refusal with the provider's `code` says is too high; "" for none."""
    match too_fast(task.provider, code):
        case "number":
            return number_pace(task.sender)
        case "account":
            return account_pace(task.account)
    return ""


def paces(directory: Directory, task: Task) -> tuple[Pace, ...]:
    """The caps that a hand-over of `task` keeps: of its number, that one's campaign if any, its account."""
    found = []
    if number := directory.number(task.sender):
        found.append(Pace(number_pace(number.id), number.rate, number.burst))
        campaign = directory.campaign(number.campaign) if number.campaign else None
        if campaign and campaign.rate is not None:
            # A second's worth at once: carriers count campaigns by the minute or the day.
            found.append(Pace(campaign_pace(campaign.id), campaign.rate, max(1, int(campaign.rate))))
    if account := directory.account(task.account):
        found.append(Pace(account_pace(account.id), account.rate, account.burst))
    return tuple(found)


def names(directory: Directory, task: Task) -> tuple[str, ...]:
    """All that may hold a hand-over of `task` up, by name: each of these rests for itself."""
    number = directory.number(task.sender)
    own = (number_pace(task.sender), account_pace(task.account), breaker(task.account))
    days = (rests_on(cap) for cap in caps.of_number(directory, task.sender))
    return (*own, campaign_pace(number.campaign), *days) if number and number.campaign else (*own, *days)
