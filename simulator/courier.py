"""Tells receipts: sends each callback when it is due, and again as its provider would."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from simulator.client import CallbackClient
from simulator.messages import Message
from simulator.network import Network, Owed
from simulator.provider import Attempt, Provider

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    owed: Owed
    rest: tuple[Owed, ...]
    """What is told of this message after the first attempt."""
    number: int = 1
    began: float | None = None
    """When the first attempt began."""


class Courier:
    """Sends callbacks, a bounded number at once for each provider.

    Providers do not wait for one another: a dead webhook of one delays nobody else's receipts.
    Of one message, each callback waits for the first attempt at the one before it; so unless a
    script or a retry changes it, their order is that of the statuses.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        network: Network,
        *,
        concurrency: int,
        clock: Callable[[], float],
    ) -> None:
        self._providers = providers
        self._network = network
        self._concurrency = concurrency
        self._clock = clock
        self._queues: dict[str, asyncio.Queue[_Job]] = {name: asyncio.Queue() for name in providers}
        self._tasks: list[asyncio.Task[None]] = []
        self._client = CallbackClient()
        self.counts: Counter[str] = Counter(attempts=0, answered=0, given_up=0)
        """`attempts`; and of the callbacks that are over, those `answered` and `given_up`."""

    async def start(self) -> None:
        """Begin, with what was owed before this process."""
        self._tasks = [
            asyncio.create_task(self._work(queue), name=f"courier-{name}-{number}")
            for name, queue in self._queues.items()
            for number in range(self._concurrency)
        ]
        self.schedule(self._network.messages())

    async def broken(self) -> None:
        """Return never, but raise what ended a worker: a simulator that tells less is no judge."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """End at once; what is still owed is in the state file."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._client.close()

    def schedule(self, messages: Iterable[Message]) -> None:
        """Send what is owed of these messages, each callback when it is due."""
        for message in messages:
            self._next(self._network.owed(message))

    async def tell_now(self, message: Message) -> None:
        """Make the first attempt at every callback of `message`, one after the other."""
        for owed in self._network.owed(message):
            await self._attempt(_Job(owed, rest=()))

    def waiting(self) -> int:
        """Callbacks that are due and wait for their turn."""
        return sum(queue.qsize() for queue in self._queues.values())

    def _next(self, owed: Sequence[Owed]) -> None:
        """Tell the first of these when it is due, and the others after it."""
        if not owed:
            return
        first, *rest = owed
        due = first.message.at + (first.message.receipts[first.place].told or 0.0)
        self._later(due - self._clock(), _Job(first, rest=tuple(rest)))

    def _later(self, seconds: float, job: _Job) -> None:
        queue = self._queues[job.owed.message.draft.provider]
        if seconds <= 0:
            queue.put_nowait(job)
        else:
            asyncio.get_running_loop().call_later(seconds, queue.put_nowait, job)

    async def _work(self, queue: asyncio.Queue[_Job]) -> None:
        while True:
            job = await queue.get()
            await self._attempt(job)
            if job.number == 1:
                self._next(job.rest)

    async def _attempt(self, job: _Job) -> None:
        now = self._clock()
        began = now if job.began is None else job.began
        message, place, copy = job.owed
        attempt = Attempt(message, place, job.number, now, copy)
        provider = self._providers[message.draft.provider]
        callback = provider.callback(attempt)
        if callback is None:
            self._network.told(job.owed)
            return
        self.counts["attempts"] += 1
        outcome = await self._client.post(callback)
        wait = provider.pause(attempt, outcome, self._clock() - began)
        if wait is not None:
            self._later(wait, replace(job, number=job.number + 1, began=began))
            return
        self._network.told(job.owed)
        if isinstance(outcome, int) and outcome < 300:
            self.counts["answered"] += 1
        else:
            self.counts["given_up"] += 1
            _log.debug("gave up a callback of %s: %s", message.id, outcome)
