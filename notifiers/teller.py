"""The one place that acts: takes deliveries, tries them in turns, puts off what cannot be told now."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from directory.snapshot import Directory
from notifiers import metrics
from notifiers.deliveries import Delivery, later, wants
from notifiers.endpoint import SHORTEST_MS, Endpoint
from notifiers.outbox import Outbox
from notifiers.pauses import Pauses
from notifiers.posting import UNHEARD, Answer, Outcome, Post
from notifiers.shares import Shares
from notifiers.turns import Turns
from schemas import topics
from schemas.base import Millis
from schemas.directory import Subscription
from schemas.failpoints import Point, reached
from schemas.settings import NotifierSettings
from schemas.signing import secrets_of

_LOG: Final = logging.getLogger(__name__)
#: After so many rests in a row what waits for an endpoint is dropped in its time without a try of its own.
_DEAD_RESTS: Final = 3


class Noting(Protocol):
    """Hears how subscriptions do; see `notifiers.failures.Failures`."""

    def well(self, subscription: Subscription, now: Millis, /) -> None: ...  # noqa: D102  # see there
    def bad(self, subscription: Subscription, now: Millis, /, *, heard: bool) -> None: ...  # noqa: D102  # likewise
    def gone(self, subscription: Subscription, now: Millis, /) -> None: ...  # noqa: D102  # likewise


class Teller:
    """Every delivery that it takes is done with: answered, in Kafka for later, or not wanted any more.

    Args:
        post: one try; never raises but for a cancel.
        outbox: where what waits is put.
        directory: the newest snapshot.
        noting: hears of every answer.
        roots: what secrets are derived from, newest first.
        now: the wall clock, in milliseconds.
        roll: chance, from 0 to 1.
    """

    def __init__(
        self,
        settings: NotifierSettings,
        post: Callable[[Post, Millis], Awaitable[Answer]],
        outbox: Outbox,
        *,
        directory: Callable[[], Directory],
        noting: Noting,
        roots: Sequence[str],
        now: Callable[[], Millis],
        roll: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._pauses = Pauses.of(settings)
        self._post = post
        self._outbox = outbox
        self._directory = directory
        self._noting = noting
        self._roots = roots
        self._now = now
        self._roll = roll
        self._endpoints: dict[str, Endpoint] = {}
        self._queued = Shares(settings.max_queued)
        self._turns = Turns(Shares(settings.max_in_flight))
        self._tries: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None
        self._stopping = False

    def tell(self, delivery: Delivery) -> None:
        """Take it: it waits here for its try, or in Kafka."""
        now, subscription = self._now(), self._subscription(delivery)
        if subscription is None:
            self._drop(delivery, "unwanted")
            return
        if now - delivery.notification.since > topics.OLDEST_TOLD_MS:
            self._drop(delivery, "late")
            return
        endpoint = self._endpoint(subscription)
        wait = delivery.notification.due - now
        if wait <= 0 and endpoint.resting(now):
            self._put_off(delivery, endpoint, now)
        elif wait >= SHORTEST_MS:
            self._later(delivery, delivery.notification.due, "resting", tried=False)
        elif not endpoint.has_room() or not self._queued.free(endpoint.organization):
            self._later(delivery, endpoint.place(now, self._roll()), "full", tried=False)
        elif wait > 0:
            self._hold(delivery, endpoint, wait)
        else:
            self._queued.take(endpoint.organization)
            endpoint.add(delivery)
            self._start(endpoint)

    async def run(self) -> None:
        """Watch the tries, until cancelled; an error of ours in one of them is raised here."""
        self._failed = asyncio.get_running_loop().create_future()
        await self._failed

    async def drain(self) -> None:
        """Begin nothing more; return when all that is under way has its answer."""
        self._stopping = True
        while self._tries:
            await asyncio.wait(self._tries)

    def look(self) -> None:
        """Set the gauges, and forget endpoints that have nothing at hand and no subscription."""
        live, now = self._directory().live, self._now()
        self._endpoints = {
            name: one
            for name, one in self._endpoints.items()
            if not one.idle or ("subscription", name) in live
        }
        metrics.IN_FLIGHT.set(self._turns.shares.total)
        metrics.QUEUED.set(self._queued.total)
        metrics.RESTING.set(sum(one.resting(now) for one in self._endpoints.values()))

    def _subscription(self, delivery: Delivery) -> Subscription | None:
        found = self._directory().live.get(("subscription", delivery.notification.subscription))
        if (
            isinstance(found, Subscription)
            and found.organization == delivery.notification.organization
            and wants(found, delivery.notification.event)
        ):
            return found
        return None

    def _endpoint(self, subscription: Subscription) -> Endpoint:
        known = self._endpoints.get(subscription.id)
        if known is not None and (known.url, known.organization) == (
            subscription.url,
            subscription.organization,
        ):
            return known
        new = Endpoint(subscription.organization, subscription.url, self._settings.max_per_endpoint)
        self._endpoints[subscription.id] = new
        if known is not None:  # what waits for the old one goes to the new one, before what comes
            for delivery in known.empty():
                self._queued.give(known.organization)
                if not delivery.job.dropped:
                    self.tell(delivery)
        return new

    def _hold(self, delivery: Delivery, endpoint: Endpoint, wait: int) -> None:
        """It has its place, and comes again when it is due."""
        self._queued.take(endpoint.organization)
        endpoint.held += 1

        def due() -> None:
            self._queued.give(endpoint.organization)
            endpoint.held -= 1
            if not delivery.job.dropped and not self._stopping:
                self.tell(delivery)

        asyncio.get_running_loop().call_later(wait / 1000 + 0.001, due)

    def _start(self, endpoint: Endpoint) -> None:
        """Begin what may begin."""
        self._turns.wait(endpoint)
        while not self._stopping and (one := self._turns.next(self._now())) is not None:
            delivery = one.start()
            self._queued.give(one.organization)
            subscription = None if delivery.job.dropped else self._subscription(delivery)
            if subscription is None:
                self._turns.ended(one, delivery.key)
                if not delivery.job.dropped:
                    self._drop(delivery, "unwanted")
                continue
            task = asyncio.create_task(self._try(one, delivery, subscription))
            self._tries.add(task)
            task.add_done_callback(self._tried)

    def _tried(self, task: asyncio.Task[None]) -> None:
        self._tries.discard(task)
        if task.cancelled() or self._failed is None or self._failed.done():
            return
        if (error := task.exception()) is not None:
            self._failed.set_exception(error)

    async def _try(self, endpoint: Endpoint, delivery: Delivery, subscription: Subscription) -> None:
        began, now = time.monotonic(), self._now()
        secrets = secrets_of(subscription, self._roots, now)
        name = delivery.notification.id
        answer = await self._post(Post(subscription.url, name, delivery.body, secrets, delivery.trace), now)
        reached(Point.NOTIFIER_ANSWERED)
        took = time.monotonic() - began
        metrics.TRIES.labels(answer.outcome).inc()
        metrics.ANSWER_SECONDS.observe(took)
        self._turns.ended(endpoint, delivery.key)
        self._judge(endpoint, delivery, subscription, answer, took * 1000)
        self._start(endpoint)

    def _judge(
        self,
        endpoint: Endpoint,
        delivery: Delivery,
        subscription: Subscription,
        answer: Answer,
        took_ms: float,
    ) -> None:
        now = self._now()
        if answer.outcome is Outcome.DELIVERED:
            endpoint.well(took_ms)
            self._noting.well(subscription, now)
            delivery.job.done()
            return
        _LOG.log(
            logging.WARNING if answer.outcome is Outcome.ADDRESS else logging.INFO,
            "notifier.failed subscription=%s event=%s outcome=%s tries=%d: %s",
            subscription.id,
            delivery.notification.id,
            answer.outcome,
            delivery.notification.tries + 1,
            answer.detail,
        )
        self._noting.bad(subscription, now, heard=answer.outcome not in UNHEARD)
        if answer.outcome is Outcome.GONE:
            self._noting.gone(subscription, now)
        own = self._pauses.after(delivery.notification.tries + 1, self._roll())
        pause = self._pauses.asked(own, answer.pause_ms)
        if answer.outcome in (Outcome.GONE, Outcome.THROTTLED):
            endpoint.asked(now, answer.pause_ms, self._pauses, self._roll())
        else:
            endpoint.bad(now, self._pauses, self._roll(), took_ms)
        if not delivery.job.dropped:
            self._retry(delivery, now, pause)
        if endpoint.until > now:
            for one in endpoint.empty():
                self._queued.give(endpoint.organization)
                if not one.job.dropped:
                    self._put_off(one, endpoint, now)

    def _retry(self, delivery: Delivery, now: Millis, pause: int) -> None:
        """Its try has failed."""
        if self._over(delivery, now + pause):
            self._drop(delivery, "late")
        else:
            self._later(delivery, now + pause, "failed", tried=True)

    def _over(self, delivery: Delivery, due: Millis) -> bool:
        """Whether it is not tried any more by then."""
        return due - delivery.notification.since > self._settings.give_up_seconds * 1000

    def _put_off(self, delivery: Delivery, endpoint: Endpoint, now: Millis) -> None:
        """Its endpoint is failing: as if it had been tried."""
        own = self._pauses.after(delivery.notification.tries + 1, self._roll())
        due = max(endpoint.until, now + max(own, SHORTEST_MS))
        if endpoint.rests > _DEAD_RESTS and self._over(delivery, due):
            self._drop(delivery, "late")
            return
        self._later(delivery, due, "resting", tried=True)

    def _later(self, delivery: Delivery, due: Millis, why: str, *, tried: bool) -> None:
        metrics.LATER.labels(why).inc()
        self._outbox.put(later(delivery, due, tried=tried, now=self._now()), delivery.job.done)

    def _drop(self, delivery: Delivery, why: str) -> None:
        metrics.DROPPED.labels(why).inc()
        found = delivery.notification
        _LOG.log(
            logging.WARNING if why == "late" else logging.DEBUG,
            "notifier.dropped subscription=%s event=%s tries=%d: %s",
            found.subscription,
            found.id,
            found.tries,
            why,
        )
        delivery.job.done()
