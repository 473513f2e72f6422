"""Tells operators what the dispatchers know together of their providers: open breakers, slowed paces."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final

from directory.snapshot import Directory
from dispatchers import metrics
from dispatchers.window import Window
from ledger import Ledger, LedgerAwayError
from ledger.health import Health
from schemas.provider import Provider

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0


async def watch(ledger: Ledger, directory: Callable[[], Directory], provider: Provider) -> None:
    """For ever: look at what is known of `provider`, and tell what has changed."""
    before = Health(0, {}, {})
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            now = only(await ledger.health(), directory(), provider)
        except LedgerAwayError:
            continue  # hand-overs hold, and say so
        for level, line in changes(before, now):
            log.log(level, "%s", line)
        show(now)
        before = now


def only(found: Health, directory: Directory, provider: Provider) -> Health:
    """What of it is about `provider`'s accounts and their numbers."""
    accounts = {account.id for account in directory.accounts(provider)}

    def is_its(pace: str) -> bool:
        kind, _, name = pace.partition(":")
        number = directory.number(name) if kind == "number" else None
        return (number.account if number else name) in accounts

    return Health(
        at=found.at,
        breakers={account: breaker for account, breaker in found.breakers.items() if account in accounts},
        slowed={pace: slowed for pace, slowed in found.slowed.items() if is_its(pace)},
    )


def changes(before: Health, now: Health) -> Iterator[tuple[int, str]]:
    """What is to be said of what has changed from one look to the next, with its logging level."""
    for account, breaker in now.breakers.items():
        was_open = account in before.not_closed
        if account in now.not_closed and not was_open:
            why = "most of its hand-overs come to nothing; one at a time is tried"
            yield logging.WARNING, f"breaker.open account={account}: {why}"
        elif account not in now.not_closed and (was_open or breaker.since > before.at > 0):
            yield logging.INFO, f"breaker.closed account={account}"
    # Forgotten, no account of ours any more, or the ledger began anew: nothing stops hand-overs.
    for account in before.not_closed.keys() - now.breakers.keys():
        yield logging.INFO, f"breaker.closed account={account}"
    for pace in now.slowed.keys() - before.slowed.keys():
        share = now.slowed[pace].share
        yield logging.WARNING, f"pace.slowed pace={pace} share={share:.2f}: its provider throttles it"
    for pace in before.slowed.keys() - now.slowed.keys():
        yield logging.INFO, f"pace.restored pace={pace}"


def show(now: Health) -> None:
    """Set the metrics to what is known now, and to nothing else."""
    metrics.BREAKER_OPEN.clear()
    for account, breaker in now.breakers.items():
        metrics.BREAKER_OPEN.labels(account).set(breaker.state != "closed")
    metrics.PACE_SHARE.clear()
    for pace, slowed in now.slowed.items():
        metrics.PACE_SHARE.labels(pace).set(slowed.share)


async def count(
    window: Window, busy: Callable[[], int], provider: Provider, clock: Callable[[], int]
) -> None:
    """For ever: set what is at hand. `clock`: milliseconds since the epoch."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        metrics.IN_FLIGHT.labels(provider).set(busy())
        now = clock()
        for lane, (ready, since) in window.waiting(now).items():
            metrics.QUEUED.labels(provider, lane).set(ready)
            metrics.QUEUE_AGE.labels(provider, lane).set(max(0, now - since) / 1000)
