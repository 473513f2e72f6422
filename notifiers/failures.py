"""Since when subscriptions have only failed, and the order to switch one off."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from broker.publish import Outgoing
from directory.snapshot import Directory
from ledger.errors import LedgerUnavailableError
from ledger.subscriptions import News, endpoint
from notifiers.outbox import Outbox
from schemas import topics
from schemas.base import Millis
from schemas.directory import Active, Subscription
from schemas.notifications import SwitchOff

_LOG: Final = logging.getLogger(__name__)
_FLUSH_SECONDS: Final = 5.0
#: Who has had an answer from any endpoint within this is not cut off from all of them.
_LATELY_MS: Final = 3_600_000
GONE: Final = "its endpoint answered 410 Gone"


class Memory(Protocol):
    """See `ledger.subscriptions.Failing`."""

    async def note(self, news: Sequence[News]) -> list[Millis]: ...  # noqa: D102  # see there


@dataclass(frozen=True)
class _Heard:
    """What was heard of a subscription, and is not in the ledger yet."""

    subscription: Subscription
    answered_at: Millis = 0
    failed_at: Millis = 0
    #: The latest failure was an answer: it is not our own network that is down.
    heard: bool = False


class Failures:
    """Hears of every answer, tells the ledger of them together, and orders what is to be switched off.

    Args:
        memory: the ledger; while it is away nothing is lost but time, and nothing waits for it.
        outbox: where orders are put.
        directory: the newest snapshot.
        after_ms: so long of nothing but failures is enough.
        now: the wall clock, in milliseconds.
    """

    def __init__(
        self,
        memory: Memory,
        outbox: Outbox,
        *,
        directory: Callable[[], Directory],
        after_ms: int,
        now: Callable[[], Millis],
    ) -> None:
        self._memory = memory
        self._outbox = outbox
        self._directory = directory
        self._after_ms = after_ms
        self._now = now
        self._heard: dict[str, _Heard] = {}
        #: When any endpoint last took an event from this process.
        self._taken_at: Millis = 0
        #: The version of each subscription that was ordered to be switched off.
        self._ordered: dict[str, int] = {}

    def well(self, subscription: Subscription, now: Millis) -> None:
        """It has taken an event."""
        self._taken_at = now
        self._heard[subscription.id] = _Heard(subscription, answered_at=now)

    def bad(self, subscription: Subscription, now: Millis, *, heard: bool) -> None:
        """It has not; `heard`: it has said so itself."""
        known = self._heard.get(subscription.id)
        if known is None or known.subscription.url != subscription.url:
            self._heard[subscription.id] = _Heard(subscription, failed_at=now, heard=heard)
        else:
            self._heard[subscription.id] = replace(known, failed_at=known.failed_at or now, heard=heard)

    def gone(self, subscription: Subscription, now: Millis) -> None:
        """It wants nothing any more."""
        self._order(subscription, now, GONE)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Tell the ledger what was heard, and order what has failed for too long."""
        heard, self._heard = self._heard, {}
        news = [News(self._name(one.subscription), one.answered_at, one.failed_at) for one in heard.values()]
        try:
            found = await self._memory.note(news)
        except LedgerUnavailableError as error:
            _LOG.warning("failures.waiting: %s", error)
            self._keep(heard)
            return
        for one, since in zip(heard.values(), found, strict=True):
            if one.failed_at and since and self._now() - since >= self._after_ms:
                self._end(one, since)

    def _end(self, one: _Heard, since: Millis) -> None:
        """It has failed for too long, if it is not we who reach nobody."""
        if not one.heard and self._now() - self._taken_at > _LATELY_MS:
            _LOG.error(
                "subscription.not_switched_off subscription=%s: it does not answer, but for an hour nobody "
                "has taken anything from this process: look whether it reaches the outside",
                one.subscription.id,
            )
            return
        days = self._after_ms / 86_400_000
        self._order(one.subscription, since, f"nothing but failures for {days:g} days")

    def _name(self, subscription: Subscription) -> str:
        return endpoint(subscription.id, self._directory().version("subscription", subscription.id))

    def _keep(self, heard: dict[str, _Heard]) -> None:
        """Older news beside what has been heard meanwhile: the first failure since the last good answer."""
        for name, old in heard.items():
            newer = self._heard.get(name)
            if newer is None:
                self._heard[name] = old
            elif not newer.answered_at and newer.subscription.url == old.subscription.url:
                self._heard[name] = replace(old, failed_at=old.failed_at or newer.failed_at)

    def _order(self, subscription: Subscription, since: Millis, detail: str) -> None:
        directory = self._directory()
        version = directory.version("subscription", subscription.id)
        known = directory.live.get(("subscription", subscription.id))
        if (
            self._ordered.get(subscription.id) == version
            or not isinstance(known, Subscription)
            or known.status is not Active.ACTIVE
            or known.url != subscription.url
        ):
            return
        self._ordered[subscription.id] = version
        order = SwitchOff(
            organization=subscription.organization,
            subscription=subscription.id,
            version=version,
            since=since,
            at=self._now(),
            detail=detail,
        )
        record = Outgoing(topics.NOTIFICATIONS, subscription.id.encode(), order.encode())
        self._outbox.put(record, lambda: None)
