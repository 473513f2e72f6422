"""Who may have signed a callback: the account that its URL names, else those that its content leaves open."""

from dataclasses import dataclass
from typing import Final, assert_never

from directory.snapshot import Directory
from schemas.directory import Account, TelnyxCredentials, TwilioCredentials, VonageCredentials
from schemas.provider import Provider
from webhooks.providers import DIALECTS
from webhooks.words import Incoming

#: So many accounts' keys are tried on a callback that names none: a stranger must not make us try hundreds.
MAX_TRIED: Final = 32


@dataclass(frozen=True)
class Signer:
    """An account, and the secrets by which its callbacks are verified; None for one that cannot be had."""

    account: Account
    secrets: tuple[str | None, ...]


def candidates(directory: Directory, provider: Provider, incoming: Incoming) -> list[Account]:
    """The accounts at `provider` by whose keys `incoming` may have been signed, by id.

    The one that `account` in its URL names. Without that, those that the provider's own name for the account
    fits (Twilio's `AccountSid`, Vonage's `application_id`), which the signature has yet to prove. Where even
    that is not said, all of them, `MAX_TRIED` at most.
    """
    named = incoming.query.get("account", "")
    if named:
        account = directory.account(named)
        return [account] if account is not None and account.provider is provider else []
    accounts = directory.accounts(provider)
    claimed = DIALECTS[provider].claimed(incoming)
    if claimed is not None:
        accounts = [account for account in accounts if _name(account) == claimed]
    return accounts[:MAX_TRIED]


def _name(account: Account) -> str | None:
    """What the provider calls it in callbacks."""
    match account.credentials:
        case TwilioCredentials(account_sid=sid):
            return sid
        case VonageCredentials(application_id=application):
            return application
        case TelnyxCredentials():
            return None
        case _ as never:
            assert_never(never)
