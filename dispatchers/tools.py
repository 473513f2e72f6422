"""What the protocol is given from outside, so that it decides nothing by itself."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from dispatchers.accounts import Accounts
from dispatchers.journal import Journal
from ledger import Ledger, LedgerNotReadyError, LedgerUnavailableError
from schemas.callback import Callback
from schemas.settings import DispatchSettings
from schemas.tasks import Task

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Tools:
    """Stores, writers, clock and chance."""

    ledger: Ledger
    journal: Journal
    accounts: Accounts
    settings: DispatchSettings
    #: Returns once the ledger has a valid epoch (rebuilding it if need be).
    ledger_ready: Callable[[], Awaitable[None]]
    callback_url: Callable[[Callback], str]
    #: Milliseconds since the epoch.
    now: Callable[[], int]
    new_nonce: Callable[[], str]
    #: Between 0 and 1.
    chance: Callable[[], float]

    def handed_over(self, task: Task, nonce: str) -> str:
        """Where its provider is to report on the hand-over of `task` that is called `nonce`."""
        return self.callback_url(
            Callback(
                account=task.account,
                organization=task.organization,
                message_id=task.message_id,
                attempt=task.attempt,
                nonce=nonce,
                forget_at=task.forget_at,
                use_case=task.use_case_id is not None,
            )
        )

    async def ask(self, question: Callable[[Ledger], Awaitable[T]]) -> T:
        """What the ledger answers, as soon as it can: until then hand-overs hold (P13).

        Every script may be asked again: an answer that was lost is given again.
        """
        while True:
            try:
                return await question(self.ledger)
            except LedgerNotReadyError:
                log.warning("the ledger has no valid epoch: holding until it is rebuilt")
            except LedgerUnavailableError as e:
                log.warning("the ledger does not answer: holding: %s", e)
            await self.ledger_ready()
