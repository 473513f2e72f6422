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

        Where a reference leads nowhere the signer has None in its place: while secrets are rotated, one that
        is not there yet hides none that is. That goes to the log once per version of the account: anybody can
        ask.
        """
        return [Signer(account, self._secrets(account)) for account in accounts]

    def _secrets(self, account: Account) -> tuple[str | None, ...]:
        known = self._known.get(account.id)
        if known is not None and known[0] is account:
            return known[1]
        found = [self._looked_up(ref) for ref in _references(account)]
        missing = [one for one in found if isinstance(one, SecretMissingError)]
        there = tuple(one for one in found if isinstance(one, str))
        if not missing:
            self._known[account.id] = account, there
        elif self._missed.get(account.id) is not account:
            for error in missing:
                # The sentence names only the reference, but not even that is the caller's business.
                _LOG.error("secret.missing account=%s: %s", account.id, error)
            self._missed[account.id] = account
        return tuple(one if isinstance(one, str) else None for one in found)

    def _looked_up(self, ref: str) -> str | SecretMissingError:
        try:
            return self._resolve(ref)
        except SecretMissingError as error:
            return error


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
