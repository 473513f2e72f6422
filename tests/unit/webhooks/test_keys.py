"""The keys of accounts: all that are live, resolved once; one that is missing hides no other's."""

from collections.abc import Sequence

import pytest

from directory.secrets import SecretMissingError
from schemas.provider import Provider
from tests.fakes.callbacks import account
from webhooks.keys import Keys
from webhooks.signers import Signer


def resolve(ref: str) -> str:
    if ref == "env:missing":
        raise SecretMissingError(ref)
    return ref.upper()


def secrets(found: Sequence[Signer]) -> list[tuple[str | None, ...]]:
    return [one.secrets for one in found]


@pytest.mark.parametrize("provider", Provider)
def test_all_that_are_live_are_looked_up_once(provider: Provider) -> None:
    asked: list[str] = []

    def noted(ref: str) -> str:
        asked.append(ref)
        return resolve(ref)

    one, keys = account(provider, secrets=("env:new", "env:old")), Keys(noted)
    for _ in range(2):
        assert keys.of([one]) == [Signer(one, ("ENV:NEW", "ENV:OLD"))]
    assert asked == ["env:new", "env:old"]


def test_a_changed_account_is_looked_up_again() -> None:
    keys = Keys(resolve)
    assert secrets(keys.of([account(Provider.VONAGE, secrets=("env:a",))])) == [("ENV:A",)]
    assert secrets(keys.of([account(Provider.VONAGE, secrets=("env:b",))])) == [("ENV:B",)]


def test_a_missing_secret_is_said_once_for_a_version_and_hides_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = Keys(resolve)
    accounts = [
        account(Provider.VONAGE, "a", ("env:missing",)),
        account(Provider.VONAGE, "b", ("env:there",)),
    ]
    for _ in range(2):
        assert secrets(keys.of(accounts)) == [(None,), ("ENV:THERE",)]
    assert caplog.text.count("secret.missing account=a: env:missing") == 1
    keys.of([account(Provider.VONAGE, "a", ("env:missing", "env:there"))])
    assert caplog.text.count("secret.missing account=a: env:missing") == 2


def test_a_secret_that_comes_later_is_found() -> None:
    there: list[str] = []

    def later(ref: str) -> str:
        if not there:
            raise SecretMissingError(ref)
        return there[0]

    one, keys = account(Provider.VONAGE), Keys(later)
    assert secrets(keys.of([one])) == [(None,)]
    there.append("found")
    assert secrets(keys.of([one])) == [("found",)]


@pytest.mark.parametrize("provider", Provider)
def test_while_secrets_are_rotated_one_that_is_not_there_yet_hides_none(provider: Provider) -> None:
    keys = Keys(resolve)
    rotating = account(provider, secrets=("env:missing", "env:old"))
    assert keys.of([rotating]) == [Signer(rotating, (None, "ENV:OLD"))]
