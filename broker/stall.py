"""Ends a process whose loop stands still although the broker answers: its client hangs, a new one does not.

aiokafka's group consumer waits without bound in many places, and once hung for good, after the broker had
been killed twice. Who waits for a broker that is away is left alone: a new process could only wait as well.
"""

import asyncio
import logging
import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from time import monotonic
from typing import Final, NoReturn

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from broker import clients
from broker.publish import Outgoing, Publish
from schemas.exits import Exit
from schemas.settings import KafkaSettings

_LOG: Final = logging.getLogger(__name__)
#: How long a fresh client may take to be answered.
_ANSWER_SECONDS: Final = 5.0
#: How often a stall time is looked at: it is noticed that much late at the most.
_LOOKS: Final = 20

#: Whether the broker answers a fresh client now.
Answers = Callable[[], Awaitable[bool]]


class StalledError(Exception):
    """A loop stands still. Nothing is lost: what is not committed is read again."""


class Pulse:
    """When something that has to go on last did. Beats at each turn of its loop.

    A loop that waits for anything but the broker, the ledger say, beats while it waits.

    Args:
        name: of the loop, for who reads that it stood still.
        clock: seconds, the same for all pulses and who watches them.
    """

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self.name = name
        self._clock = clock
        self._beat_at = clock()
        self._waits = 0

    @property
    def at(self) -> float:
        """When it last went on; never (infinity) while it need not."""
        return math.inf if self._waits else self._beat_at

    def beat(self) -> None:
        """It goes on."""
        self._beat_at = self._clock()

    def rest(self) -> None:
        """Nothing has to go on until the next beat."""
        self._beat_at = math.inf

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within the block it need not go on, whatever beats; what rested before rests after it."""
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1
            self._beat_at = max(self._beat_at, self._clock())


class Joining(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped upstream
    """The pulse of being a member: from the start, or from giving partitions up, to having some again.

    For consumers that nothing else listens to; listeners of their own beat and rest it themselves.
    """

    def __init__(self) -> None:
        self.pulse = Pulse("joining the group")

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The group is being rearranged."""
        del revoked
        self.pulse.beat()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """We are a member, with partitions or without."""
        del assigned
        self.pulse.rest()


def patiently(publish: Publish, *pulses: Pulse) -> Publish:
    """`publish`, for whose acknowledgements a loop with these pulses may wait as long as it takes.

    A partition may have no leader, or too few replicas, while the group's coordinator answers.
    """

    async def published(records: Sequence[Outgoing]) -> None:
        with ExitStack() as stack:
            for pulse in pulses:
                stack.enter_context(pulse.waiting())
            await publish(records)

    return published


async def watch(
    pulses: Collection[Pulse],
    answers: Answers,
    seconds: float,
    *,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> NoReturn:
    """For ever, as long as all goes on.

    Raises:
        StalledError: one has not beaten for `seconds`, all of which the broker seems to have answered.
    """
    away_at = clock()  # it begins now, whenever the pulses were made
    while True:
        await sleep(seconds / _LOOKS)
        oldest = min(pulses, key=lambda pulse: pulse.at)
        still = clock() - max(oldest.at, away_at)
        if still < seconds / 2:
            continue
        # Asked all through the second half, so that who is late because the broker came back late has that
        # half to go on.
        if not await answers():
            away_at = clock()
        elif still >= seconds:
            raise StalledError(f"{oldest.name} has stood still for {clock() - oldest.at:.0f} s")


def group_answers(kafka: KafkaSettings, group: str) -> Answers:
    """Whether the cluster knows and answers what members of `group` need: its coordinator and its commits."""

    async def answers() -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), clients.admin(kafka) as admin:
                await admin.list_consumer_group_offsets(group)
        except (KafkaError, OSError, TimeoutError) as error:
            _LOG.info("stall.away error=%r", error)
            return False
        return True

    return answers


async def _nothing() -> None:
    pass


@asynccontextmanager
async def ended_when_still(
    kafka: KafkaSettings, group: str, *pulses: Pulse, before: Callable[[], Awaitable[object]] = _nothing
) -> AsyncIterator[None]:
    """End the process (`Exit.CRASH`) if one of `pulses` stops amid the block while the broker answers.

    After `before`, which must be bounded. The clients' own ends are not waited for: they may hang, too.
    """

    async def look() -> None:
        try:
            await watch(pulses, group_answers(kafka, group), kafka.stall_seconds)
        except StalledError as error:
            _LOG.critical("stall.found: %s: this process ends", error)
            await before()
            end()

    looking = asyncio.create_task(look(), name="stall")
    try:
        yield
    finally:
        looking.cancel()


def end() -> NoReturn:
    """End this process as one whose client stands still."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(Exit.CRASH)
