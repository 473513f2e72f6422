"""Breaks a running stack on purpose, one thing after the other, and counts what was in flight each time."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import redis.asyncio

from cli.local.stack import KAFKA, REDIS, Stack
from cli.local.table import SERVICES
from tests.chaos.spine_load import Turnstile

#: The consumer groups' session timeout in these runs. Short: a killed member is missed sooner, and a
#: stopped one need not be stopped for long.
SESSION_SECONDS = 6.0
DISPATCHERS = [name for name in SERVICES if name.startswith("dispatchers-")]
#: A share of the load that brings nothing into flight within this is no load.
TRAFFIC_SECONDS = 60
#: An answer that takes this long leaves time to kill whoever waits for it.
SLOW_MS = 4_000


@dataclass
class Disorder:
    """What has been done to the stack so far."""

    stack: Stack
    #: How many messages are on their way at this moment.
    in_flight: Callable[[], int]
    say: Callable[[str], None] = print
    kills: list[tuple[str, int]] = field(default_factory=list)

    async def kill(self, name: str) -> None:
        """SIGKILL a process; return when it is ready again."""
        await self._note(f"SIGKILL {name}")
        await asyncio.to_thread(self.stack.child(name).kill)
        await self._back(name)

    async def restart(self, name: str) -> None:
        """End a process in order (SIGTERM); return when it is ready again."""
        await self._note(f"restart {name}")
        await asyncio.to_thread(self.stack.child(name).stop)
        await self._back(name)

    async def freeze(self, name: str, seconds: float) -> None:
        """SIGSTOP a process for longer than its session, then let it go on as if no time had passed."""
        await self._note(f"SIGSTOP {name} for {seconds:g} s")
        child = self.stack.child(name)
        child.pause()
        await asyncio.sleep(seconds)  # the point of it: time passes for everyone but this process
        child.resume()

    def rounds(self, many: int) -> list[Callable[[], Awaitable[None]]]:
        """Kill each of our services in turn, `many` times over; then broker, ledger, and a stopped one."""
        return [
            *(partial(self.kill, name) for _ in range(many) for name in SERVICES),
            partial(self.restart, KAFKA),
            partial(self.restart, REDIS),
            partial(self.freeze, "dispatchers-twilio", 1.5 * SESSION_SECONDS),
            partial(self.kill, KAFKA),
        ]

    async def amid(
        self, steps: Sequence[Callable[[], Awaitable[None]]], turnstile: Turnstile, of: int
    ) -> None:
        """Do the steps one after the other, each amid its share of the `of` hand-ins."""
        for number, step in enumerate(steps, 1):
            await turnstile.let(of * number // len(steps))
            await step()

    async def interrupt(self, on_handsets: int) -> None:
        """Kill all dispatchers while providers have texts and have not answered; then wipe the ledger."""
        slow: dict[str, object] = {
            "match": {},
            "fault": {"kind": "slow", "ms": SLOW_MS, "accepted": "before"},
        }
        await self._faults([slow])
        while len(await handsets(self.stack.run.simulator)) < on_handsets:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        await self._note("SIGKILL all dispatchers, FLUSHALL")
        for name in DISPATCHERS:
            await asyncio.to_thread(self.stack.child(name).kill)
        async with redis.asyncio.from_url(self.stack.run.redis) as client:
            await client.flushall()
        await self._faults([])
        for name in DISPATCHERS:
            await self._back(name)

    async def _faults(self, rules: list[dict[str, object]]) -> None:
        async with aiohttp.ClientSession() as session:
            url = f"{self.stack.run.simulator}/faults"
            async with session.put(url, data=json.dumps(rules)) as response:
                response.raise_for_status()

    async def _back(self, name: str) -> None:
        await asyncio.to_thread(self.stack.keeper(name).wait_ready, 60.0)

    async def _note(self, what: str) -> None:
        """Wait for a moment at which something is in flight, and write down how much."""
        async with asyncio.timeout(TRAFFIC_SECONDS):
            while not (flying := self.in_flight()):  # noqa: ASYNC110 - counted by two tasks
                await asyncio.sleep(0.001)
        self.kills.append((what, flying))
        self.say(f"  {what}: {flying} in flight")


async def handsets(simulator: str) -> list[dict[str, object]]:
    """Every text that any handset got."""
    async with aiohttp.ClientSession() as session, session.get(f"{simulator}/handsets") as response:
        texts: list[dict[str, object]] = (await response.json())["texts"]
        return texts
