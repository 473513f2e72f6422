"""Whether a number may send, and through which account: by their status alone, whatever is to be sent. Pure.

Everybody who asks has words of their own for the answer. What carriers say of the number is another question:
`eligible.unregistered`.
"""

from enum import StrEnum

from directory.snapshot import Directory
from schemas import refusals
from schemas.directory import Account, Active, Number


class Against(StrEnum):
    """What stands in a number's way; the code of the refusal."""

    #: The number is suspended.
    SUSPENDED = refusals.SENDER_SUSPENDED
    #: Its account is suspended, gone, or does not serve its organization.
    ACCOUNT = refusals.ACCOUNT_UNAVAILABLE


def account_of(directory: Directory, number: Number) -> Account | Against:
    """The account that `number` sends through, or what stands in its way; the number is told first."""
    if number.status is not Active.ACTIVE:
        return Against.SUSPENDED
    account = directory.account(number.account)
    if account is None or account.status is not Active.ACTIVE or not account.serves(number.organization):
        return Against.ACCOUNT
    return account
