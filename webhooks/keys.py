"""The secrets by which an account's callbacks are verified, looked up once per version of the account."""

import logging
from collections.abc import Callable, Iterable
from typing import Final, assert_never

from directory.secrets import SecretMissingError
from schemas.directory import Account, SecretRefs, TelnyxCredentials, TwilioCredentials, VonageCredentials
from webhooks.signers import Signer

_LOG: Final = logging.getLogger(__name__)


class Keys:
    """Resolved secrets. A file that changes under its name is read again when the account changes."""

    def __init__(self, resolve: Callable[[str], str]) -> None:
        self._resolve = resolve
        self._known: dict[str, tuple[Account, tuple[str, ...]]] = {}
        self._missed: dict[str, Account] = {}

    def of(self, accounts: Iterable[Account]) -> list[Signer]:
        """Each account with all its secrets that are valid now, newest first.

        Where a reference leads nowhere, the signer has None. That goes to the log once per version of the
        account: anybody can ask.
        """
        return [Signer(account, self._secrets(account)) for account in accounts]

    def _secrets(self, account: Account) -> tuple[str, ...] | None:
        known = self._known.get(account.id)
        if known is None or known[0] is not account:
            try:
                known = account, tuple(self._resolve(ref) for ref in _references(account))
            except SecretMissingError as error:
                if self._missed.get(account.id) is not account:
                    # The sentence names only the reference, but not even that is the caller's business.
                    _LOG.error("secret.missing account=%s: %s", account.id, error)
                    self._missed[account.id] = account
                return None
            self._known[account.id] = known
        return known[1]


def _references(account: Account) -> SecretRefs:
    match account.credentials:
        case TwilioCredentials(auth_tokens=refs):
            return refs
        case TelnyxCredentials(public_keys=refs):
            return refs
        case VonageCredentials(signature_secrets=refs):
            return refs
        case _ as never:
            assert_never(never)
