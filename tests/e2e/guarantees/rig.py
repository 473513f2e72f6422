"""A stack under load, to which something is done. Judged as chaos runs are: by what the world outside saw."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from cli.local.table import SIMULATOR
from schemas.settings import TopicSettings
from tests.chaos.checker import Verdict, check
from tests.chaos.gather import Subscriber, answers, dead, texts
from tests.chaos.load import load
from tests.chaos.logs import TAKEN, Logs, Told
from tests.chaos.plan import plan
from tests.chaos.report import report
from tests.chaos.world import World, enter, settings, simulator

#: Nothing comes after these but the provider's word against a belief of ours.
ENDED: Final = frozenset({"delivered", "undelivered", "failed", "cancelled"})
#: What waits for nothing but a receipt that nobody repeats any more.
RESTING: Final = frozenset({"sent", "unknown"})
#: After an unknown send its owner's policy waits so long.
POLICY_SECONDS: Final = 10.0
#: Then nothing moves for so long: longer than that, and than any retry.
QUIET_SECONDS: Final = 25.0
#: How long the last message may take to its end.
SETTLE_SECONDS: Final = 120.0
RATE: Final = 15.0
#: Settings where nobody of ours is killed: a slow machine is no reason to be thrown out of a group.
STEADY: Final = {"kafka": {"session_timeout_seconds": 30}}
_LOOK_SECONDS: Final = 0.05
_ENDED: Final = re.compile(r"(?P<name>\S+) ended: ended \((?P<code>-?\d+)\)")
_SEEDS: Final = count(int(time.time()) % 1_000_000 * 100)


@dataclass
class Rig:
    """A running stack, and who watches it."""

    stack: Stack
    world: World
    subscriber: Subscriber
    #: How processes ended by themselves or by us: name and exit code, in order.
    ends: list[tuple[str, int]]


@dataclass
class Case:
    """One load, with what is being done to the stack amid it."""

    rig: Rig
    seed: int
    told: list[Told] = field(default_factory=list)

    def _mine(self, text: str) -> bool:
        return text.startswith(f"chaos {self.seed} message ")

    def states(self) -> dict[str, str]:
        """The states that the status topic told last, by text."""
        return {
            story.text: story.last.status
            for story in self.rig.subscriber.stories.values()
            if self._mine(story.text)
        }

    async def moving(self, more: int = 20) -> float:
        """Return when so many more have ended; how many seconds that took."""
        began = time.monotonic()
        ended = self._ended()
        await until(lambda: self._ended() >= ended + more, f"{more} more messages come to their end")
        return time.monotonic() - began

    async def going_on(self) -> float:
        """Return when a message that was accepted only now has arrived; how many seconds that took."""
        began, now = time.monotonic(), 1000 * time.time()
        await until(lambda: self._arrived_since(now), "what is accepted from now on arrives")
        return time.monotonic() - began

    def _arrived_since(self, moment: float) -> bool:
        stories = self.rig.subscriber.stories.values()
        mine = (story.last for story in stories if self._mine(story.text))
        return any(one.status == "delivered" and one.record["accepted_at"] >= moment for one in mine)

    def _ended(self) -> int:
        return sum(state in ENDED for state in self.states().values())


async def until(done: Callable[[], bool], what: str, seconds: float = SETTLE_SECONDS) -> None:
    """Look until it is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def rig(
    folder: Path, *, own: Mapping[str, Mapping[str, Any]] | None = None, **more: Any
) -> AsyncIterator[Rig]:
    """A started stack with the chaos runs' organizations.

    Args:
        folder: its home.
        own: settings over those of the chaos runs.
        more: see `Stack`.
    """
    ends: list[tuple[str, int]] = []

    def say(line: str) -> None:
        if found := _ENDED.search(line):
            ends.append((found["name"], int(found["code"])))

    merged = settings(POLICY_SECONDS)
    for group, fields in (own or {}).items():
        merged[group] = {**merged.get(group, {}), **fields}
    more["argv"] = {**more.get("argv", {}), SIMULATOR: simulator(folder)}
    stack = Stack(folder, settings=merged, jvm=QUICK_JVM, documented_ports=False, say=say, **more)
    await asyncio.to_thread(stack.start)
    subscriber = Subscriber(stack.run.kafka)
    following = asyncio.create_task(subscriber.follow())
    try:
        world = await enter(stack.run, TopicSettings.model_validate(merged.get("topics", {})))
        yield Rig(stack, world, subscriber, ends)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await asyncio.to_thread(stack.stop)


async def under_load(
    rig: Rig, act: Callable[[Case], Awaitable[object]], *, seconds: float = 600.0, rate: float = RATE
) -> Verdict:
    """Do something to the stack amid a load that lasts as long as that takes; what came of the messages."""
    case = Case(rig, next(_SEEDS))
    made = plan(case.seed, seconds, rate)
    enough = asyncio.Event()
    loading = asyncio.create_task(load(made, rig.world, case.told, until=enough))
    try:
        await case.moving()
        await act(case)
    finally:
        enough.set()
        await loading
    numbers = {message.number: message.text for message in made.messages}

    moves, moved = 0, time.monotonic()

    def settled() -> bool:
        nonlocal moves, moved
        if moves != (moves := len(rig.subscriber.log)):
            moved = time.monotonic()
        states = case.states()
        left = {states.get(numbers[told.number], "") for told in case.told if told.what in TAKEN} - ENDED
        return not left or (left <= RESTING and time.monotonic() - moved > QUIET_SECONDS)

    await until(settled, "all that was taken comes to its end")
    verdict = check(made, await _logs(case))
    print(report(verdict))
    return verdict


async def _logs(case: Case) -> Logs:
    """Those of this load alone."""
    stories = [story for story in case.rig.subscriber.stories.values() if case._mine(story.text)]
    got = [text for text in await texts(case.rig.world) if case._mine(text.text)]
    unreadable = await dead(case.rig.world)
    said = await answers(case.rig.world, stories)
    status = [one for one in case.rig.subscriber.log if case._mine(str(one.record["text"]))]
    return Logs(told=case.told, texts=got, status=status, api=said, dead=unreadable)


@asynccontextmanager
async def faulty(world: World, fault: Mapping[str, object]) -> AsyncIterator[None]:
    """Every provider does this to what it is asked, for as long as the block lasts (docs/simulator.md)."""
    url = f"{world.simulator}/faults"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"match": {}, "fault": fault}) as answer:
            assert answer.status < 300, await answer.text()
            made = (await answer.json())["id"]
        try:
            yield
        finally:
            async with session.delete(f"{url}/{made}") as answer:
                assert answer.status < 300, await answer.text()
