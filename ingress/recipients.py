"""What the ledger knows of recipients, before a send through a use case is accepted: opt-outs, landlines.

Neither door waits for it for long. What it cannot say now is decided at the hand-over all the same, where an
opt-out is certain to be seen (docs/optouts.md); here it only spares the owner a message that would fail.
"""

import logging
from collections.abc import Sequence
from typing import Final

from directory.scopes import of_message
from directory.snapshot import Directory
from ingress import metrics
from ingress.batching import Gathered
from ingress.bounded import within
from ingress.checks import is_e164
from ingress.permission import UNASKED, Recipient
from ingress.ports import Recipients
from ledger import LedgerAwayError
from ledger.optouts import Reach
from schemas.requests import SendRequest

_LOG: Final = logging.getLogger(__name__)
#: A ledger that takes longer is as good as away: requests do not wait for it.
_SECONDS: Final = 0.5
#: In one call: a script holds up everybody else while it runs.
_MOST: Final = 500


def reach(request: SendRequest, organization: str, directory: Directory) -> Reach | None:
    """Whom a request is to reach, and in which scopes.

    None: it names its sender, and nobody asks here; or it names no recipient, and is refused for that.
    """
    if request.use_case_id is None or not is_e164(request.to_phone_number):
        return None
    scopes = of_message(directory, organization, None, str(request.use_case_id))
    return scopes, request.to_phone_number


async def asked(ledger: Recipients, reaches: Sequence[Reach]) -> list[Recipient]:
    """What is known of each; raises as the ledger does."""
    found: list[Recipient] = []
    for start in range(0, len(reaches), _MOST):
        some = reaches[start : start + _MOST]
        out = await ledger.opted_out(some)
        landlines = await ledger.landlines([number for _, number in some])
        found += [
            Recipient(opted_out, number in landlines)
            for opted_out, (_, number) in zip(out, some, strict=True)
        ]
    return found


class Asking:
    """Asks `ledger` for requests as they come: those that come together go together."""

    def __init__(self, ledger: Recipients) -> None:
        self._ledger = ledger
        self._ask: Gathered[Reach, Recipient] = Gathered(self._asked)

    async def one(self, request: SendRequest, organization: str, directory: Directory) -> Recipient:
        """What is known of the recipient of `request`; nothing while the ledger is away."""
        whom = reach(request, organization, directory)
        if whom is None:
            return UNASKED
        try:
            return await within(self._ask(whom), _SECONDS)
        except LedgerAwayError as error:
            _missed(1, error)
            return UNASKED

    async def batch(self, reaches: Sequence[Reach | None]) -> list[Recipient]:
        """What is known of each, in order; nothing while the ledger is away."""
        whom = [one for one in reaches if one is not None]
        try:
            known = iter(await within(asked(self._ledger, whom), _SECONDS) if whom else ())
        except LedgerAwayError as error:
            _missed(len(whom), error)
            return [UNASKED] * len(reaches)
        return [UNASKED if one is None else next(known) for one in reaches]

    async def _asked(self, reaches: Sequence[Reach]) -> list[Recipient]:
        return await asked(self._ledger, reaches)


def _missed(count: int, error: LedgerAwayError) -> None:
    metrics.RECIPIENTS_UNASKED.inc(count)
    _LOG.warning("recipients.unasked count=%d error=%r", count, error)
