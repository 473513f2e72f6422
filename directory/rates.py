"""At which rate a sender's texts go. Pure."""

from directory.snapshot import Directory


def slowest(directory: Directory, sender: str, account: str) -> float | None:
    """Segments a second: the least that number, its campaign and the account allow; None: none is known."""
    number = directory.number(sender)
    campaign = directory.campaign(number.campaign) if number and number.campaign else None
    bounds = [bound.rate for bound in (number, campaign, directory.account(account)) if bound]
    return min((rate for rate in bounds if rate is not None), default=None)
