"""Who is found to stand still, and who only waits for a broker that is away."""

import asyncio
from collections.abc import Sequence

import pytest

from broker.stall import Pulse, StalledError, watch

SECONDS = 0.2


class Broker:
    """Answers as told, the last word again and again; says how often it was asked."""

    def __init__(self, *words: bool) -> None:
        self._words: Sequence[bool] = words
        self.asked = 0
        self.moved = asyncio.Event()

    async def answers(self) -> bool:
        word = self._words[min(self.asked, len(self._words) - 1)]
        self.asked += 1
        self.moved.set()
        return word

    async def was_asked(self, often: int) -> None:
        while self.asked < often:
            self.moved.clear()
            await self.moved.wait()


async def test_what_stands_still_while_the_broker_answers_is_named() -> None:
    going, still = Pulse("going"), Pulse("still")
    going.rest()
    async with asyncio.timeout(20):
        with pytest.raises(StalledError, match="still has stood still"):
            await watch([going, still], Broker(True).answers, SECONDS)


async def test_who_waits_for_a_broker_that_is_away_is_left_alone() -> None:
    broker = Broker(False)
    watching = asyncio.create_task(watch([Pulse("reading")], broker.answers, SECONDS))
    async with asyncio.timeout(20):
        # Each time is half of the seconds at least: this is three times as long as one may stand still.
        await broker.was_asked(6)
    assert not watching.done()
    watching.cancel()


async def test_a_broker_that_comes_back_late_leaves_time_to_go_on() -> None:
    """It was away when it was asked; of the answers after that, the first alone ends nobody."""
    broker, pulse = Broker(True, True, False, True), Pulse("reading")
    watching = asyncio.create_task(watch([pulse], broker.answers, SECONDS))
    async with asyncio.timeout(20):
        await broker.was_asked(4)
        assert not watching.done()
        pulse.rest()
        asked = broker.asked
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2 * SECONDS):
                await watching
    assert broker.asked <= asked + 1


async def test_what_goes_on_costs_the_broker_no_question() -> None:
    broker, pulse = Broker(True), Pulse("reading")

    async def beat() -> None:
        while True:
            pulse.beat()
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2 * SECONDS):
            await watch([pulse], broker.answers, SECONDS)
    beating.cancel()
    assert broker.asked == 0
