"""At which rates a sender's texts go. Pure."""

from dataclasses import dataclass

from directory.once import once
from directory.snapshot import Directory


@dataclass(frozen=True, slots=True)
class Rates:
    """Segments a second, above 0."""

    #: The least that number, its campaign and the account allow.
    sender: float
    #: What the account allows, all its numbers together.
    account: float


@once
def of_sender(directory: Directory, sender: str, account_id: str) -> Rates | None:
    """The rates of a number on an account; None where the directory does not know the account (any more)."""
    account, number = directory.account(account_id), directory.number(sender)
    if account is None:
        return None
    campaign = directory.campaign(number.campaign) if number and number.campaign else None
    bounds = [bound.rate for bound in (number, campaign, account) if bound]
    return Rates(min(rate for rate in bounds if rate is not None), account.rate)
