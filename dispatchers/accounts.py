"""The adapters of the accounts in the directory, connected when first needed."""

import logging
from collections.abc import Callable

from directory import caps, scopes
from directory.secrets import SecretMissingError
from directory.snapshot import Directory
from dispatchers import optouts, paces
from dispatchers.port import ProviderPort
from ledger.claims import Pace
from schemas.caps import Cap
from schemas.directory import Account
from schemas.facts import AnyFact
from schemas.optouts import OptOut
from schemas.tasks import Task

log = logging.getLogger(__name__)


class Accounts:
    """What the directory says of a task's account and number: the adapter to use and the pace to keep."""

    def __init__(
        self, directory: Callable[[], Directory], connect: Callable[[Account], ProviderPort]
    ) -> None:
        self._directory = directory
        self._connect = connect
        #: By account as it was when it was connected; a sentence where that failed for good.
        self._connected: dict[str, tuple[Account, ProviderPort | str]] = {}
        self._replaced: list[ProviderPort] = []

    @property
    def directory(self) -> Directory:
        """As it is now."""
        return self._directory()

    def port(self, account_id: str) -> ProviderPort | str:
        """The adapter of an account as the directory has it now, or a sentence: why there is none."""
        account = self._directory().account(account_id)
        if account is None:
            return f"account {account_id} is not in the directory"
        known = self._connected.get(account_id)
        if known and known[0] == account:
            return known[1]
        port: ProviderPort | str
        try:
            port = self._connect(account)
        except SecretMissingError as e:
            # Not remembered: the secret may be there the next time.
            log.error("account %s cannot be used: %s", account.id, e)  # noqa: TRY400 - the sentence says it all
            return f"account {account.id} cannot be used: {e}"
        except Exception as e:
            # One account's wrong key must not end the hand-overs of all others. SDKs raise what they like.
            log.exception("account %s cannot be used", account.id)
            port = f"account {account.id} cannot be used: {type(e).__name__}"
        if known and not isinstance(known[1], str):
            # What is in flight on the old one still needs it; it is closed with the process.
            self._replaced.append(known[1])
        self._connected[account_id] = (account, port)
        return port

    def paces(self, task: Task) -> tuple[Pace, ...]:
        """The caps that a hand-over keeps (`dispatchers.paces`)."""
        return paces.paces(self._directory(), task)

    def caps(self, task: Task) -> tuple[Cap, ...]:
        """The day caps that a hand-over counts against (`directory.caps`)."""
        return caps.of_number(self._directory(), task.sender)

    def names(self, task: Task) -> tuple[str, ...]:
        """All that may hold a hand-over up, by name."""
        return paces.names(self._directory(), task)

    def scopes(self, task: Task) -> tuple[str, ...]:
        """Where its recipient must not have opted out (`directory.scopes`); () for what no opt-out stops."""
        if task.confirms and not task.heeds_optouts:
            return ()
        return scopes.of_message(self._directory(), task.organization, task.sender, task.use_case_id)

    def learned(self, fact: AnyFact, to_number: str) -> list[OptOut]:
        """The opt-outs that a fact about a hand-over to `to_number` tells of: its provider knows of one."""
        return optouts.learned(self._directory(), fact, to_number)

    def quota(self, sender: str) -> int:
        """How many of a sender's tasks may leave the window at once: a quarter second of its pace."""
        number = self._directory().number(sender)
        return max(1, number.burst, int(number.rate / 4)) if number else 1

    async def close(self) -> None:
        """Close every adapter."""
        for port in [*self._replaced, *(port for _, port in self._connected.values())]:
            if not isinstance(port, str):
                await port.close()
