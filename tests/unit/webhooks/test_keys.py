"""The keys of an account: all that are live, resolved once, of the right provider only."""

import pytest

from directory.secrets import SecretMissingError
from directory.snapshot import Directory
from schemas.directory import Account, Entry
from schemas.provider import Provider
from tests.unit.webhooks.signed import account
from webhooks.keys import Keys


def directory(*accounts: Account) -> Directory:
    entries = [
        Entry(kind="account", id=one.id, organization="operator", version=1, at=0, entity=one)
        for one in accounts
    ]
    return Directory().after(entries)[0]


def test_all_that_are_live_and_only_of_that_provider() -> None:
    asked: list[str] = []

    def resolve(ref: str) -> str:
        asked.append(ref)
        return ref.upper()

    for provider in Provider:
        asked.clear()
        one = directory(account(provider, secrets=("env:new", "env:old")))
        keys = Keys(lambda one=one: one, resolve)  # type: ignore[misc] # bound per turn
        assert keys.of(provider, "main") == ("ENV:NEW", "ENV:OLD")
        assert keys.of(provider, "main") == ("ENV:NEW", "ENV:OLD")
        assert asked == ["env:new", "env:old"]
        assert keys.of(provider, "other") is None
        assert keys.of(next(p for p in Provider if p is not provider), "main") is None


def test_a_changed_account_is_looked_up_again() -> None:
    now = directory(account(Provider.VONAGE, secrets=("env:a",)))
    keys = Keys(lambda: now, lambda ref: ref)
    assert keys.of(Provider.VONAGE, "main") == ("env:a",)
    now = directory(account(Provider.VONAGE, secrets=("env:b",)))
    assert keys.of(Provider.VONAGE, "main") == ("env:b",)
    now = directory()
    assert keys.of(Provider.VONAGE, "main") is None


def test_a_missing_secret_is_said_each_time() -> None:
    def resolve(ref: str) -> str:
        raise SecretMissingError(ref)

    now = directory(account(Provider.VONAGE))
    keys = Keys(lambda: now, resolve)
    for _ in range(2):
        with pytest.raises(SecretMissingError):
            keys.of(Provider.VONAGE, "main")
