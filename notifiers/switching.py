"""Switches subscriptions off: the directory says so first, then the organization's others are told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from directory.apply import RaceLostError
from directory.changes import Change, put
from directory.snapshot import Directory
from notifiers import metrics
from notifiers.deliveries import notifications
from schemas.base import Millis
from schemas.directory import Active, Subscription
from schemas.failpoints import Point, reached
from schemas.notifications import Notification, SwitchedOff, SwitchOff

_LOG: Final = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 1.0

#: Writes to the directory, and returns once it is read back (`directory.apply.write`).
Write = Callable[[Sequence[Change], Millis], Awaitable[None]]


def change(order: SwitchOff, directory: Directory) -> Change | None:
    """The write that does as `order` says; None where there is none to be made."""
    known = directory.live.get(("subscription", order.subscription))
    if (
        not isinstance(known, Subscription)
        or known.status is not Active.ACTIVE
        or known.organization != order.organization
        or directory.version("subscription", order.subscription) != order.version
    ):
        return None
    return put(
        directory,
        known.model_copy(update={"status": Active.SUSPENDED, "switched_off_at": order.at}),
    )


def told(order: SwitchOff, directory: Directory, now: Millis) -> list[Notification]:
    """What the organization's other subscriptions are told, if it was this order that switched it off."""
    known = directory.live.get(("subscription", order.subscription))
    if (
        not isinstance(known, Subscription)
        or known.organization != order.organization
        or known.switched_off_at != order.at
    ):
        return []
    fact = SwitchedOff(
        subscription=known.id,
        organization=known.organization,
        url=_place(known.url),
        since=order.since,
        at=order.at,
        detail=order.detail,
    )
    return notifications(fact, directory, now)


def _place(url: str) -> str:
    """Of a URL what is no secret: paths and queries often hold tokens, and others are told of it."""
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc}"


class Switching:
    """Carries out orders, one at a time. An order that comes again is told again, under the same ids.

    Args:
        directory: the newest snapshot.
        write: to the directory.
        now: the wall clock, in milliseconds.
        again_seconds: the pause after a race was lost.
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        write: Write,
        *,
        now: Callable[[], Millis],
        again_seconds: float = _AGAIN_SECONDS,
    ) -> None:
        self._directory = directory
        self._write = write
        self._now = now
        self._again_seconds = again_seconds
        self._one = asyncio.Lock()

    async def carry_out(self, order: SwitchOff) -> list[Notification]:
        """Switch it off unless somebody has changed it since; what is to be told of it."""
        async with self._one:
            while (write := change(order, self._directory())) is not None:
                try:
                    await self._write([write], self._now())
                except (RaceLostError, TimeoutError) as error:
                    _LOG.info("switching.again subscription=%s: %r", order.subscription, error)
                    await asyncio.sleep(self._again_seconds)
                    continue
                metrics.SWITCHED_OFF.inc()
                _LOG.warning(
                    "subscription.switched_off organization=%s subscription=%s: %s",
                    order.organization,
                    order.subscription,
                    order.detail,
                )
            reached(Point.NOTIFIER_SWITCHED_OFF)
            return told(order, self._directory(), self._now())
