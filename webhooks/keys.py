"""The secrets by which an account's callbacks are verified, looked up once per version of the account."""

from collections.abc import Callable
from typing import assert_never

from directory.snapshot import Directory
from schemas.directory import Account, SecretRefs, TelnyxCredentials, TwilioCredentials, VonageCredentials
from schemas.provider import Provider


class Keys:
    """Resolved secrets. A file that changes under its name is read again when the account changes."""

    def __init__(self, directory: Callable[[], Directory], resolve: Callable[[str], str]) -> None:
        self._directory = directory
        self._resolve = resolve
        self._known: dict[str, tuple[Account, tuple[str, ...]]] = {}

    def of(self, provider: Provider, account_id: str) -> tuple[str, ...] | None:
        """All secrets that are valid now, newest first; None: `provider` has no such account.

        Raises:
            SecretMissingError: a reference leads nowhere.
        """
        account = self._directory().account(account_id)
        if account is None or account.provider is not provider:
            return None
        known = self._known.get(account_id)
        if known is None or known[0] is not account:
            known = account, tuple(self._resolve(ref) for ref in _references(account))
            self._known[account_id] = known
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
