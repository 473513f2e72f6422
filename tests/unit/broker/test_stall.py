"""Who is found to stand still, and who only waits for a broker that is away."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from broker.publish import Outgoing
from broker.stall import Pulse, StalledError, patiently, watch

SECONDS = 60.0
#: Within what a stall is noticed after its time, for one: between two looks.
LOOK = 0.06 * SECONDS
LONG = 10 * SECONDS


class OverError(Exception):
    """The time is over, and nobody was found."""


class Time:
    """Passes only while somebody sleeps, and ends."""

    def __init__(self) -> None:
        self.now = 0.0
        self.each: Callable[[], object] = lambda: None

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > LONG:
            raise OverError
        self.each()


class Broker:
    """Is away until a time; says when it was asked."""

    def __init__(self, time: Time, away_until: float = 0.0) -> None:
        self._time, self._away_until = time, away_until
        self.asked: list[float] = []

    async def answers(self) -> bool:
        self.asked.append(self._time.now)
        return self._time.now >= self._away_until


@pytest.fixture
def time() -> Time:
    return Time()


async def watched(time: Time, broker: Broker, *pulses: Pulse) -> None:
    await watch(pulses, broker.answers, SECONDS, clock=time.clock, sleep=time.sleep)


async def test_what_stands_still_while_the_broker_answers_is_named(time: Time) -> None:
    going, still = Pulse("going", time.clock), Pulse("still", time.clock)
    going.rest()
    with pytest.raises(StalledError, match="still has stood still"):
        await watched(time, Broker(time), going, still)
    assert SECONDS <= time.now <= SECONDS + LOOK


async def test_who_waits_for_a_broker_that_is_away_is_left_alone(time: Time) -> None:
    broker = Broker(time, away_until=2 * LONG)
    with pytest.raises(OverError):
        await watched(time, broker, Pulse("reading", time.clock))
    assert broker.asked


async def test_a_broker_that_comes_back_late_leaves_time_to_go_on(time: Time) -> None:
    back = 3 * SECONDS
    broker, pulse = Broker(time, away_until=back), Pulse("reading", time.clock)
    time.each = lambda: pulse.rest() if time.now >= back + SECONDS / 2 - LOOK else None
    with pytest.raises(OverError):
        await watched(time, broker, pulse)


async def test_who_does_not_go_on_when_the_broker_is_back_is_found(time: Time) -> None:
    back = 3 * SECONDS
    with pytest.raises(StalledError):
        await watched(time, Broker(time, away_until=back), Pulse("reading", time.clock))
    assert back + SECONDS / 2 - LOOK <= time.now <= back + SECONDS + LOOK


async def test_what_goes_on_costs_the_broker_no_question(time: Time) -> None:
    broker, pulse = Broker(time), Pulse("reading", time.clock)
    time.each = lambda: pulse.beat() if time.now - pulse.at >= SECONDS / 3 else None
    with pytest.raises(OverError):
        await watched(time, broker, pulse)
    assert broker.asked == []


async def test_who_was_made_long_before_is_watched_from_now_on(time: Time) -> None:
    pulse = Pulse("reading", time.clock)
    time.now = began = 3 * SECONDS
    with pytest.raises(StalledError):
        await watched(time, Broker(time), pulse)
    assert time.now >= began + SECONDS


async def test_who_waits_for_an_acknowledgement_is_left_alone_and_not_after_it(time: Time) -> None:
    """A partition may have no leader while the group's coordinator answers."""
    acknowledged = asyncio.Event()

    async def publish(records: Sequence[Outgoing]) -> None:
        del records
        await acknowledged.wait()

    writing, resting = Pulse("writing", time.clock), Pulse("resting", time.clock)
    resting.rest()
    publishing = asyncio.ensure_future(patiently(publish, writing, resting)([]))
    await asyncio.sleep(0)
    with pytest.raises(OverError):
        await watched(time, Broker(time), writing, resting)
    time.now = 0.0
    writing.beat()
    acknowledged.set()
    await publishing
    with pytest.raises(StalledError, match="writing has stood still"):
        await watched(time, Broker(time), writing, resting)
