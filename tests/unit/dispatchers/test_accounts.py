"""One account's trouble is its own: others go on, and what changes in the directory is tried again."""

from directory.secrets import SecretMissingError
from directory.snapshot import Directory
from dispatchers.accounts import Accounts
from dispatchers.port import ProviderPort
from schemas.directory import Account, Entry, TwilioCredentials
from tests.fakes.provider import FakeProvider


def account(name: str, rate: float = 1) -> Account:
    secret = TwilioCredentials(
        account_sid="AC", api_key_sid="SK", api_key_secret="env:A", auth_tokens=("env:B",)
    )
    return Account(organization="operator", id=name, credentials=secret, rate=rate)


def directory(*accounts: Account, version: int = 1) -> Directory:
    entries = [
        Entry(kind=a.kind, id=a.id, organization=a.organization, version=version, at=0, entity=a)
        for a in accounts
    ]
    return Directory().after(entries)[0]


def test_an_sdk_that_chokes_on_one_accounts_key_does_not_end_the_others() -> None:
    tries: list[str] = []

    def connect(asked: Account) -> ProviderPort:
        tries.append(asked.id)
        if asked.id == "bad":
            raise ValueError("could not deserialize key data")
        return FakeProvider()

    known = directory(account("bad"), account("good"))
    accounts = Accounts(lambda: known, connect)
    assert accounts.port("bad") == "account bad cannot be used: ValueError"
    assert isinstance(accounts.port("good"), FakeProvider)
    accounts.port("bad")
    assert tries == ["bad", "good"]  # a wrong key stays wrong until the account is changed
    known = directory(account("bad", rate=2))
    accounts.port("bad")
    assert tries == ["bad", "good", "bad"]


def test_a_missing_secret_is_looked_for_again() -> None:
    there = False

    def connect(_: Account) -> ProviderPort:
        if not there:
            raise SecretMissingError("env:A is not set")
        return FakeProvider()

    known = directory(account("tw"))
    accounts = Accounts(lambda: known, connect)
    assert accounts.port("tw") == "account tw cannot be used: env:A is not set"
    there = True
    assert isinstance(accounts.port("tw"), FakeProvider)


def test_an_unknown_account_is_said() -> None:
    accounts = Accounts(Directory, lambda _: FakeProvider())
    assert accounts.port("tw") == "account tw is not in the directory"


async def test_a_changed_account_gets_a_new_adapter_and_the_old_one_is_closed_at_the_end() -> None:
    made: list[FakeProvider] = []
    missing = False

    def connect(_: Account) -> ProviderPort:
        if missing:
            raise SecretMissingError("env:A is not set")
        made.append(FakeProvider())
        return made[-1]

    known = directory(account("tw"))
    accounts = Accounts(lambda: known, connect)
    assert accounts.port("tw") is made[0]
    known, missing = directory(account("tw", rate=2)), True
    assert isinstance(accounts.port("tw"), str)
    missing = False
    assert accounts.port("tw") is made[1]
    await accounts.close()
    assert [port.closed for port in made] == [True, True]
